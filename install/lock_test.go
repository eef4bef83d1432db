package install_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/dirlock"
)

// locked is a scene with an installed container while another writer is at work.
func locked(t *testing.T) (*scene, *dirlock.Lock) {
	t.Helper()
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	lock, err := dirlock.Try(filepath.Join(s.root, "var/lib/syscontainer"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.Release)
	return s, lock
}

func TestWritersFailAtOnceWithoutPatience(t *testing.T) {
	s, _ := locked(t)
	before := s.tree()
	for name, verb := range map[string]func(context.Context) error{
		"install":   func(context.Context) error { return installDB(s) },
		"uninstall": func(context.Context) error { return uninstallDB(s) },
		"recover":   func(ctx context.Context) error { _, err := s.Recover(ctx); return err },
		"images rm": func(ctx context.Context) error {
			return s.Exclusively(ctx, func(context.Context) error { return errors.New("it ran") })
		},
	} {
		err := verb(t.Context())
		if !errors.Is(err, install.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d (", os.Getpid())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := s.tree(); after != before {
		t.Errorf("changed:\n%s", after)
	}
}

// silentServices is a systemd that cannot be asked.
type silentServices struct{ *servicesDouble }

func (silentServices) Ready() error { return errInjected }

func TestNothingBeginsWithoutSystemd(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	s.Services = silentServices{s.services}
	before, done := s.tree(), len(s.effects.done)
	_, install := s.Install(t.Context(), deployment.Request{Image: "db", Name: "second"})
	for name, err := range map[string]error{"install": install, "uninstall": uninstallDB(s)} {
		if !errors.Is(err, errInjected) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	if s.tree() != before || len(s.effects.done) > done {
		t.Errorf("done nevertheless: %q", s.effects.done[done:])
	}
}

func TestReadersNeverWait(t *testing.T) {
	s, _ := locked(t)
	s.WaitLock = install.WaitForever
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 || list[0].Error != "" {
		t.Errorf("listed %v, %v", list, err)
	}
	if _, err := s.Show(t.Context(), "db"); err != nil {
		t.Error(err)
	}
	if _, err := s.Mounts(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWriterWaitsAndSaysForWhom(t *testing.T) {
	s, lock := locked(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	synctest.Test(t, func(t *testing.T) {
		s.WaitLock = time.Minute
		began := time.Now()
		if _, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{}); !errors.Is(err, install.ErrLocked) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		s.WaitLock = install.WaitForever
		if _, err := s.Uninstall(ctx, "db", install.UninstallRequest{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after two minutes: %v", err)
		}
		time.AfterFunc(time.Minute, lock.Release)
		if _, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{}); err != nil {
			t.Errorf("after the release: %v", err)
		}
	})
	if told := strings.Count(log.String(), fmt.Sprintf("another syscontainer is changing the host: process %d", os.Getpid())); told != 3 {
		t.Errorf("told %d times:\n%s", told, log.String())
	}
}
