package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// failingServices is a systemd whose services are not well when they run from a given
// deployment.
type failingServices struct {
	*servicesDouble
	from   string
	status install.Status
}

func (f failingServices) Status(ctx context.Context, unit string) (install.Status, error) {
	if strings.Contains(f.runs[unit], f.from) {
		return f.status, nil
	}
	return f.servicesDouble.Status(ctx, unit)
}

func TestAServiceHasToStayUp(t *testing.T) {
	for name, tc := range map[string]struct {
		status install.Status
		says   string
	}{
		"failed":    {install.Status{Active: "failed", Result: "exit-code"}, "db.service was ready, and is failed now: exit-code"},
		"ended":     {install.Status{Active: "inactive", Result: "success", Type: "notify"}, "db.service was ready, and is inactive now"},
		"restarted": {install.Status{Active: "active", Restarts: 1}, "db.service ended after it was ready, and was started again"},
		"starting":  {install.Status{Active: "activating", Result: "signal"}, "db.service was ready, and is activating now: signal"},
	} {
		t.Run(name, func(t *testing.T) {
			s := updatable(t, nil)
			s.start()
			before := s.settled()
			s.Services = failingServices{s.services, "/deploy/2", tc.status}
			_, err := s.Update(t.Context(), "db", install.UpdateRequest{Soak: time.Hour})
			if err == nil || !strings.Contains(err.Error(), "updating db: deployment 2 was given up, and 1 runs again: "+tc.says) {
				t.Errorf("got error %v", err)
			}
			var advice *hint.Error
			if !errors.As(err, &advice) || !strings.Contains(advice.Text, "it went wrong") {
				t.Errorf("the journal is not told: %v", err)
			}
			s.runsFrom(t, "1")
			if after := s.settled(); after != before {
				t.Errorf("left\n%s", after)
			}
			s.remembers(t)
		})
	}
}

// remembers checks that the image db2 is not tried again, until somebody says so.
func (s *scene) remembers(t *testing.T) {
	t.Helper()
	s.effects.done = nil
	var bad *install.KnownBadError
	if _, err := s.Update(t.Context(), "db", install.UpdateRequest{}); !errors.As(err, &bad) || len(s.effects.done) > 0 {
		t.Errorf("did %q, got error %v", s.effects.done, err)
	}
	s.Services = s.services
	if result := s.update(install.UpdateRequest{Retry: true}); !result.Changed {
		t.Errorf("got %+v", result)
	}
	s.rollback(0)
	if result := s.update(install.UpdateRequest{}); !result.Changed {
		t.Errorf("an image that worked is still remembered: %+v", result)
	}
}

func TestAServiceThatDoesItsWorkAndEnds(t *testing.T) {
	s := updatable(t, nil)
	s.start()
	s.Services = failingServices{s.services, "/deploy/2", install.Status{Active: "inactive", Result: "success", Type: "oneshot"}}
	if result := s.update(install.UpdateRequest{Soak: time.Hour}); !result.Changed {
		t.Errorf("got %+v", result)
	}
}

func TestInterruptedWhileItIsWatched(t *testing.T) {
	s := updatable(t, nil)
	s.start()
	before := s.settled()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.Update(ctx, "db", install.UpdateRequest{Soak: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
	s.runsFrom(t, "1")
	if after := s.settled(); after != before {
		t.Errorf("left\n%s", after)
	}
}

func TestSocketsAreRestartedWithoutTheirService(t *testing.T) {
	s := newScene(t)
	socket := func(port string) *fstest.MapFile {
		return file("[Socket]\nListenStream="+port+"\n[Install]\nWantedBy=sockets.target\n", 0o644)
	}
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/units/${NAME}.socket": socket("1")})
	s.images.images["db2"] = with(s.images.images["db"], fstest.MapFS{
		"exports/units/${NAME}.socket": socket("2"), "exports/units/${NAME}-new.timer": file("[Timer]\nOnBootSec=1\nUnit=${NAME}.service\n[Install]\nWantedBy=timers.target\n", 0o644),
	})
	s.install(deployment.Request{Image: "db"})
	s.start()
	s.images.leads["db"] = "db2"
	s.update(install.UpdateRequest{})
	got := strings.Join(s.effects.done, "\n")
	want := "stop db-new.timer\nstop db.socket\nstop db.service\nrestart db-new.timer\nrestart db.socket\nrestart db.service"
	if !strings.HasSuffix(got, want) {
		t.Errorf("did\n%s", got)
	}
	if !s.services.enabled["db-new.timer"] {
		t.Error("the new timer is not enabled")
	}
}
