package install_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// eachEffect runs the test once for every effect that a verb has on the doubles:
// begin makes the scene, verb is what the effects are counted of.
func eachEffect(t *testing.T, crash bool, begin func(*scene), verb func(*scene) error, check func(t *testing.T, s *scene, err error)) {
	t.Helper()
	for n := 1; ; n++ {
		s := newScene(t)
		s.images.images["db"] = dbImage()
		begin(s)
		s.effects.done = nil
		s.effects.fail, s.effects.crash = n, crash
		var err error
		died := s.crash(func() { err = verb(s) })
		if len(s.effects.done) < n {
			if n < 4 {
				t.Fatalf("only %d effects: %v", n-1, s.effects.done)
			}
			return
		}
		effect := s.effects.done[n-1]
		s.effects.fail = 0
		t.Run(fmt.Sprintf("%d %s", n, effect), func(t *testing.T) {
			if crash != died {
				t.Fatalf("crashed: %v, want %v", died, crash)
			}
			check(t, s, err)
		})
	}
}

func installDB(s *scene) error {
	_, err := s.Install(s.t.Context(), deployment.Request{Image: "db"})
	return err
}

func uninstallDB(s *scene) error {
	_, err := s.Uninstall(s.t.Context(), "db", install.UninstallRequest{})
	return err
}

func TestInstallUndoesWhatItDidWhenAnythingFails(t *testing.T) {
	var clean string
	eachEffect(t, false, func(s *scene) { clean = s.tree() }, installDB, func(t *testing.T, s *scene, err error) {
		if !errors.Is(err, errInjected) {
			t.Fatalf("got error %v", err)
		}
		if after := s.tree(); after != clean {
			t.Errorf("left behind:\n%s", after)
		}
		if len(s.images.held)+len(s.images.pulled)+len(s.services.enabled) != 0 {
			t.Errorf("held %v, pulled %v, enabled %v", s.images.held, s.images.pulled, s.services.enabled)
		}
	})
}

func TestRecoverFinishesAnInterruptedInstall(t *testing.T) {
	var clean, installed string
	eachEffect(t, true, func(s *scene) {
		clean = s.tree()
		if err := installDB(s); err != nil {
			t.Fatal(err)
		}
		installed = s.tree()
		if err := uninstallDB(s); err != nil {
			t.Fatal(err)
		}
	}, installDB, func(t *testing.T, s *scene, _ error) {
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := s.tree()
		wholly := after == installed && s.services.enabled["db.service"] && len(s.images.held) == 1
		nothing := after == clean && len(s.services.enabled)+len(s.images.held) == 0
		if !wholly && !nothing {
			t.Errorf("neither installed nor clean:\n%s\nheld %v, enabled %v", after, s.images.held, s.services.enabled)
		}
		if err := installDB(s); err != nil {
			t.Errorf("installing afterwards: %v", err)
		}
	})
}

func TestRecoverFinishesAnInterruptedUninstall(t *testing.T) {
	var clean string
	eachEffect(t, true, func(s *scene) {
		clean = s.tree()
		if err := installDB(s); err != nil {
			t.Fatal(err)
		}
	}, uninstallDB, func(t *testing.T, s *scene, _ error) {
		names, err := s.Recover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if after := s.tree(); after != clean || len(s.images.held)+len(s.services.enabled) != 0 {
			t.Errorf("recovered %v, and left behind:\n%s\nheld %v, enabled %v", names, after, s.images.held, s.services.enabled)
		}
	})
}

func TestUninstallCanBeRepeatedAfterAFailure(t *testing.T) {
	var clean string
	eachEffect(t, false, func(s *scene) {
		clean = s.tree()
		if err := installDB(s); err != nil {
			t.Fatal(err)
		}
	}, uninstallDB, func(t *testing.T, s *scene, err error) {
		if !errors.Is(err, errInjected) {
			t.Fatalf("got error %v", err)
		}
		if err := uninstallDB(s); err != nil {
			t.Fatal(err)
		}
		if after := s.tree(); after != clean {
			t.Errorf("left behind:\n%s", after)
		}
	})
}

// What was removed until the store is asked could not be put back, and the rest would stay.
func TestUninstallWithoutAStoreChangesNothing(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	if err := installDB(s); err != nil {
		t.Fatal(err)
	}
	before := s.tree()
	s.images.closed = errors.New("no libostree")
	if err := uninstallDB(s); !errors.Is(err, s.images.closed) {
		t.Errorf("got error %v", err)
	}
	if after := s.tree(); after != before || !s.services.enabled["db.service"] {
		t.Errorf("left behind:\n%s\nenabled %v", after, s.services.enabled)
	}
	s.images.closed = nil
	if err := uninstallDB(s); err != nil {
		t.Error(err)
	}
}

// A backup that follows links makes a directory of what is current.
func TestUninstallOfACopyThatFollowedLinks(t *testing.T) {
	s := newScene(t)
	clean := s.tree()
	s.images.images["db"] = dbImage()
	if err := installDB(s); err != nil {
		t.Fatal(err)
	}
	current := on(s, "var/lib/syscontainer/containers/db/current")
	if err := errors.Join(os.Remove(current), os.CopyFS(current, os.DirFS(on(s, dbDeployment)))); err != nil {
		t.Fatal(err)
	}
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != clean {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestUninstallOfABrokenInstallation(t *testing.T) {
	const dir = "var/lib/syscontainer/containers/db/deploy/1/"
	for name, breakIt := range map[string]func(*scene){
		"record is garbage": func(s *scene) { s.write(dir+"record.json", "{", 0o600) },
		"record is of a later version": func(s *scene) {
			s.write(dir+"record.json", strings.Replace(s.read(dir+"record.json"), `"version": 1`, `"version": 2`, 1), 0o600)
		},
		"record and files are garbage": func(s *scene) {
			for _, name := range []string{"record.json", "db.service", "10-syscontainer.conf", "comeback/net.service.conf"} {
				s.write(dir+name, "{", 0o600)
			}
		},
		"nothing is current": func(s *scene) {
			if err := s.Tree.Remove("/var/lib/syscontainer/containers/db/current"); err != nil {
				s.t.Fatal(err)
			}
		},
		"the unit is gone": func(s *scene) {
			if err := s.Tree.Remove("/etc/systemd/system/db.service"); err != nil {
				s.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = dbImage()
			s.install(deployment.Request{Image: "db", Relations: deployment.Relations{Requires: []string{"net.service"}}})
			breakIt(s)
			list, err := s.List(t.Context())
			if err != nil || len(list) != 1 {
				t.Errorf("listed %v, %v", list, err)
			}
			if err := uninstallDB(s); err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"etc/systemd/system/db.service", "db.service.d", "net.service.d", "tmpfiles.d/db.conf", "containers/db"} {
				if strings.Contains(s.tree(), left) {
					t.Errorf("left behind: %s", left)
				}
			}
			if s.services.enabled["db.service"] {
				t.Error("the unit is still enabled")
			}
		})
	}
}

func TestUninstallNeverTouchesAServiceOfTheHost(t *testing.T) {
	s := newScene(t)
	s.images.images["sshd"] = fstest.MapFS{
		"exports/manifest.json":    file(`{"noContainerService": true}`, 0o644),
		"exports/hostfs/etc/extra": file("x", 0o644),
	}
	s.install(deployment.Request{Image: "sshd"})
	s.services.state["sshd.service"], s.services.enabled["sshd.service"] = "active", true
	if _, err := s.Uninstall(t.Context(), "sshd", install.UninstallRequest{}); err != nil {
		t.Fatal(err)
	}
	if s.services.state["sshd.service"] != "active" || !s.services.enabled["sshd.service"] {
		t.Error("uninstalling files stopped or disabled the host's service of that name")
	}
}

// stuckServices is a systemd that refuses to change anything.
type stuckServices struct{ *servicesDouble }

func (stuckServices) Enable(context.Context, []string) error  { return errInjected }
func (stuckServices) Disable(context.Context, []string) error { return errInjected }

func TestRecoverFinishesWhatCouldNotBeUndoneEither(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	installed := s.tree()
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	s.Services = stuckServices{s.services}
	if err := installDB(s); !errors.Is(err, errInjected) {
		t.Fatalf("got error %v", err)
	}
	s.Services = s.services
	names, err := s.Recover(t.Context())
	if err != nil || len(names) != 1 {
		t.Fatalf("recovered %v, %v", names, err)
	}
	if after := s.tree(); after != installed || !s.services.enabled["db.service"] {
		t.Errorf("not installed wholly: enabled %v\n%s", s.services.enabled, after)
	}
}

func TestRecoverLosesNoInstallation(t *testing.T) {
	const state = "var/lib/syscontainer/containers/db/"
	for name, damage := range map[string]func(*scene) error{
		"the link to what is current is gone":   func(s *scene) error { return s.Tree.Remove("/" + state + "current") },
		"the pending change is empty":           func(s *scene) error { s.write(state+"pending.json", "", 0o600); return nil },
		"the pending change says nothing":       func(s *scene) error { s.write(state+"pending.json", "{}", 0o600); return nil },
		"the pending change leads to nothing":   func(s *scene) error { s.write(state+"pending.json", `{"from":1,"to":7}`, 0o600); return nil },
		"the pending change comes from nothing": func(s *scene) error { s.write(state+"pending.json", `{"from":7,"to":1}`, 0o600); return nil },
		"the pending change purges what is above": func(s *scene) error {
			s.write(state+"pending.json", `{"from":1,"to":0,"purges":["/var/lib/db/../../../etc"]}`, 0o600)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = dbImage()
			clean := s.tree()
			s.install(deployment.Request{Image: "db"})
			installed := s.tree()
			s.services.state["db.service"] = "active"
			if err := damage(s); err != nil {
				t.Fatal(err)
			}
			names, err := s.Recover(t.Context())
			if err != nil || len(names) != 1 {
				t.Fatalf("recovered %v, %v", names, err)
			}
			if after := s.tree(); after != installed {
				t.Errorf("not installed as before:\n%s", after)
			}
			if s.services.state["db.service"] != "active" || !s.services.enabled["db.service"] {
				t.Error("the service was stopped or disabled")
			}
			if err := uninstallDB(s); err != nil {
				t.Fatal(err)
			}
			if after := s.tree(); after != clean {
				t.Errorf("left behind:\n%s", after)
			}
		})
	}
}

func TestUninstallWithoutAnyDeployment(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	if err := s.Tree.RemoveAll("/var/lib/syscontainer/containers/db/deploy"); err != nil {
		t.Fatal(err)
	}
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"db.service", "containers/db"} {
		if tree := s.tree(); strings.Contains(tree, left) {
			t.Errorf("left behind %s:\n%s", left, tree)
		}
	}
	if s.services.enabled["db.service"] {
		t.Error("the unit is still enabled")
	}
}

func TestAContainerOnAnotherDiskIsListed(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	before := s.tree()
	s.install(deployment.Request{Image: "db"})
	s.mkdir("srv")
	const containers = "var/lib/syscontainer/containers/"
	if err := os.Rename(filepath.Join(s.root, containers, "db"), filepath.Join(s.root, "srv/db")); err != nil {
		t.Fatal(err)
	}
	s.link(containers+"db", "/srv/db")
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 || list[0].Error != "" {
		t.Errorf("listed %v, %v", list, err)
	}
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Tree.RemoveAll("/srv"); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestUninstallWithoutAnyDeploymentLeavesTheHostsUnit(t *testing.T) {
	s := newScene(t)
	s.mkdir("var/lib/syscontainer/containers/sshd")
	s.write("etc/systemd/system/sshd.service", "[Service]\nExecStart=/usr/sbin/sshd\n", 0o644)
	s.services.state["sshd.service"], s.services.enabled["sshd.service"] = "active", true
	if _, err := s.Uninstall(t.Context(), "sshd", install.UninstallRequest{}); err != nil {
		t.Fatal(err)
	}
	if s.read("etc/systemd/system/sshd.service") == "" || s.services.state["sshd.service"] != "active" || !s.services.enabled["sshd.service"] {
		t.Error("the host's service was touched")
	}
}
