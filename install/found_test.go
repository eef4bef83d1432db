package install_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// makesData is an image whose tmpfiles.d file makes these in the container's directory.
func makesData(names ...string) fstest.MapFS {
	var text strings.Builder
	for _, name := range names {
		text.WriteString("d /var/lib/${NAME}" + name + " 0700\n")
	}
	return with(dbImage(), fstest.MapFS{"exports/tmpfiles.template": file(text.String(), 0o644)})
}

func (s *scene) uninstall(req install.UninstallRequest) *install.Result {
	s.t.Helper()
	result, err := s.Uninstall(s.t.Context(), "db", req)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

// TestPurgeLeavesWhatWasThereBefore: dpkg is a name for a container, and its directory has
// been there for longer.
func TestPurgeLeavesWhatWasThereBefore(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = makesData("", "/info", "/own", "/empty")
	s.write("var/lib/db/status", "precious", 0o600)
	s.write("var/lib/db/info/list", "precious", 0o600)
	s.mkdir("var/lib/db/empty/below")
	result := s.install(deployment.Request{Image: "db"})
	if warned := strings.Join(result.Warnings, "\n"); !strings.Contains(warned, "/var/lib/db was there before") {
		t.Errorf("warned %q", warned)
	}
	s.write("var/lib/db/own/wal", "data", 0o600)
	s.write("var/lib/db/empty/wal", "data", 0o600)
	result = s.uninstall(install.UninstallRequest{Purge: true})
	if !slices.Equal(result.Purged, []string{"/var/lib/db/empty", "/var/lib/db/own"}) || !s.has("var/lib/db/status") || !s.has("var/lib/db/info/list") || s.has("var/lib/db/own") {
		t.Errorf("purged %q, left:\n%s", result.Purged, s.tree())
	}
	if warned := strings.Join(result.Warnings, "\n"); !strings.Contains(warned, "/var/lib/db/info is not purged: something was there before the container") {
		t.Errorf("warned %q", warned)
	}
}

func TestPurgeAfterAnotherInstallation(t *testing.T) {
	for name, tc := range map[string]struct {
		foreign string
		left    []string
	}{
		"all of it is the container's": {},
		"only some of it is":           {"var/lib/db/status", []string{"var/lib/db/status"}},
	} {
		s := newScene(t)
		s.images.images["db"] = makesData("/data", "/logs")
		if tc.foreign != "" {
			s.write(tc.foreign, "precious", 0o600)
		}
		for range 3 { // the mark is there as often as it is needed
			s.install(deployment.Request{Image: "db"})
			s.write("var/lib/db/data/wal", "data", 0o600)
			s.write("var/lib/db/logs/1", "data", 0o600)
			s.uninstall(install.UninstallRequest{})
		}
		s.install(deployment.Request{Image: "db"})
		s.write("var/lib/db/data/wal", "data", 0o600)
		purged := s.uninstall(install.UninstallRequest{Purge: true}).Purged
		if !slices.Equal(purged, []string{"/var/lib/db/data", "/var/lib/db/logs"}) || s.has("var/lib/db") != (tc.foreign != "") {
			t.Errorf("%s: purged %q, left:\n%s", name, purged, s.tree())
		}
		for _, left := range tc.left {
			if !s.has(left) {
				t.Errorf("%s: %s is gone", name, left)
			}
		}
	}
}

func TestTheDataOfAnotherContainerIsNotTaken(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/hostfs/etc/db-link": nil, "exports/tmpfiles.template": file("d ${STATE_DIRECTORY}/db/data 0700\n", 0o644)})
	s.install(deployment.Request{Image: "db", Name: "other", Values: map[string]string{"STATE_DIRECTORY": "/var/lib"}})
	s.write("var/lib/db/data/wal", "of the other", 0o600)
	s.install(deployment.Request{Image: "db"})
	if purged := s.uninstall(install.UninstallRequest{Purge: true}).Purged; len(purged) > 0 || !s.has("var/lib/db/data/wal") {
		t.Errorf("purged %q, left:\n%s", purged, s.tree())
	}
}

func TestWhatAnUpdateFindsIsNotPurged(t *testing.T) {
	s := newScene(t)
	s.images.images["db"], s.images.images["db2"] = makesData("/data"), makesData("/data", "/info", "/data/more")
	s.write("var/lib/db/info/list", "precious", 0o600)
	s.install(deployment.Request{Image: "db"})
	s.write("var/lib/db/data/more/1", "data", 0o600)
	s.images.leads["db"] = "db2"
	s.update(install.UpdateRequest{})
	if s.update(install.UpdateRequest{}).Changed {
		t.Error("something was new")
	}
	purged := s.uninstall(install.UninstallRequest{Purge: true}).Purged
	if !slices.Equal(purged, []string{"/var/lib/db/data"}) || !s.has("var/lib/db/info/list") {
		t.Errorf("purged %q, left:\n%s", purged, s.tree())
	}
}

// TestWhatADeploymentBeforeKeptElsewhereIsTheContainers: the data stays where it is when STATE_DIRECTORY is set, and when it is
// not set any more it is found there. What was there before all of them is still nobody's.
func TestWhatADeploymentBeforeKeptElsewhereIsTheContainers(t *testing.T) {
	s := newScene(t)
	text := "d ${STATE_DIRECTORY}/${NAME}/data 0700\nd ${STATE_DIRECTORY}/${NAME}/info 0700\n"
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/tmpfiles.template": file(text, 0o644)})
	s.write("srv/db/info/list", "precious", 0o600)
	s.install(deployment.Request{Image: "db"})
	s.write("var/lib/db/data/wal", "data", 0o600)
	s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"STATE_DIRECTORY": "/srv"}}})
	s.write("srv/db/data/wal", "data", 0o600)
	result := s.update(install.UpdateRequest{Changes: deployment.Changes{Unset: []string{"STATE_DIRECTORY"}}})
	if warned := strings.Join(result.Warnings, "\n"); strings.Contains(warned, "was there before") {
		t.Errorf("warned %q", warned)
	}
	s.rollback(2)
	s.rollback(3)
	purged := s.uninstall(install.UninstallRequest{Purge: true}).Purged
	if !slices.Equal(purged, []string{"/srv/db/data", "/var/lib/db/data"}) || s.has("var/lib/db") || !s.has("srv/db/info/list") {
		t.Errorf("purged %q, left:\n%s", purged, s.tree())
	}
}

func TestAnUninstallThatIsInterruptedMarksWhatItLeaves(t *testing.T) {
	for n := 1; ; n++ {
		s := purgeable(t)
		s.effects.done = nil
		s.effects.fail, s.effects.crash = n, true
		died := s.crash(func() { _ = uninstallDB(s) })
		s.effects.fail = 0
		if !died {
			return
		}
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.install(deployment.Request{Image: "db"})
		if purged := s.purge().Purged; len(purged) != 2 || s.has("var/lib/db") {
			t.Errorf("after %q: purged %q, left:\n%s", s.effects.done, purged, s.tree())
		}
	}
}

// TestWhatAFailedInstallationMadeIsTheContainers: a volume has what the image has there before anything can fail.
func TestWhatAFailedInstallationMadeIsTheContainers(t *testing.T) {
	for _, crash := range []bool{false, true} {
		for n := 1; ; n++ {
			s := newScene(t)
			s.images.images["db"] = makesData("/data")
			s.services.makes = func() { s.write("var/lib/db/data/seed", "of the image", 0o600) }
			s.effects.fail, s.effects.crash = n, crash
			var err error
			died := s.crash(func() { err = installDB(s) })
			s.effects.fail = 0
			if err == nil && !died {
				break
			}
			if result := s.install(deployment.Request{Image: "db"}); len(result.Warnings) > 0 {
				t.Errorf("after %q: warned %q", s.effects.done, result.Warnings)
			}
			if s.purge(); s.has("var/lib/db") {
				t.Errorf("after %q: left\n%s", s.effects.done, s.tree())
			}
		}
	}
}
