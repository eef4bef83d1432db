package install_test

import (
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// purgeable is a container that has written data, of its own and elsewhere.
func purgeable(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.images.images["db"]["exports/tmpfiles.template"] = file("d /var/lib/${NAME}/data 0700\nd /var/lib/${NAME}/logs 0700\nd /var/lib/shared 0755\nd /srv/x 0755\nL /var/lib/${NAME}/gone - - - - x\n", 0o644)
	s.install(deployment.Request{Image: "db"})
	for _, name := range []string{"var/lib/db/data/wal", "var/lib/db/logs/1", "var/lib/shared/x", "srv/x/y", "var/lib/dbother/z"} {
		s.write(name, "data", 0o600)
	}
	return s
}

func (s *scene) purge() *install.Result {
	s.t.Helper()
	result, err := s.Uninstall(s.t.Context(), "db", install.UninstallRequest{Purge: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

func TestPurgeRemovesTheContainersOwnData(t *testing.T) {
	s := purgeable(t)
	result := s.purge()
	if want := []string{"/var/lib/db/data", "/var/lib/db/logs"}; !slices.Equal(result.Purged, want) {
		t.Errorf("purged %q", result.Purged)
	}
	if s.has("var/lib/db") || !s.has("var/lib/shared/x") || !s.has("srv/x/y") || !s.has("var/lib/dbother/z") {
		t.Errorf("left:\n%s", s.tree())
	}
}

func TestPurgeLeavesWhatNobodyKnows(t *testing.T) {
	s := purgeable(t)
	s.write("var/lib/db/mine", "", 0o600)
	s.purge()
	if s.has("var/lib/db/data") || !s.has("var/lib/db/mine") {
		t.Errorf("left:\n%s", s.tree())
	}
}

// TestPurgeReadsOtherRecordsOnce: not for each directory that goes. The log tells of each
// try to read one that is damaged.
func TestPurgeReadsOtherRecordsOnce(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.write("var/lib/syscontainer/containers/other/deploy/1/record.json", "{", 0o600)
	s.link("var/lib/syscontainer/containers/other/current", "deploy/1")
	tries := func(dirs int) int {
		lines := ""
		for i := range dirs {
			lines += fmt.Sprintf("d /var/lib/${NAME}/%d 0700\n", i)
		}
		s.images.images["db"]["exports/tmpfiles.template"] = file(lines, 0o644)
		s.install(deployment.Request{Image: "db"})
		for i := range dirs {
			s.write(fmt.Sprintf("var/lib/db/%d/x", i), "", 0o600)
		}
		var log strings.Builder
		s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if result := s.purge(); len(result.Purged) != dirs {
			t.Errorf("purged %q", result.Purged)
		}
		return strings.Count(log.String(), "container=other")
	}
	if one, many := tries(1), tries(9); one == 0 || many != one {
		t.Errorf("the record is read %d times for one directory, and %d times for many", one, many)
	}
}

func TestPurgeNeverPassesALink(t *testing.T) {
	s := purgeable(t)
	for _, name := range []string{"/var/lib/db/data", "/var/lib/db/logs"} {
		if err := s.Tree.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	s.write("srv/precious/wal", "data", 0o600)
	s.link("var/lib/db/data", "/srv/precious")
	result := s.purge()
	if len(result.Purged) > 0 || !s.has("srv/precious/wal") || !s.has("var/lib/db/data") {
		t.Errorf("purged %q, left:\n%s", result.Purged, s.tree())
	}
	if !strings.Contains(strings.Join(result.Warnings, "\n"), "/var/lib/db/data is not purged: /var/lib/db/data is a symbolic link") {
		t.Errorf("warned %q", result.Warnings)
	}
}

// TestPurgeLooksForLinksOnceMore: a service that is told to stop can put a link into the
// directory that is its own, and purging must not come out of there.
func TestPurgeLooksForLinksOnceMore(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/tmpfiles.template": file("d /var/lib/${NAME}/a/wal 0700\n", 0o644)})
	s.install(deployment.Request{Image: "db"})
	s.write("var/lib/db/a/wal/1", "data", 0o600)
	s.write("srv/precious/wal/1", "data", 0o600)
	s.effects.done, s.effects.fail, s.effects.crash = nil, 1, true
	if !s.crash(func() { s.purge() }) {
		t.Fatal("it was not interrupted")
	}
	s.effects.fail = 0
	if err := s.Tree.RemoveAll("/var/lib/db/a"); err != nil {
		t.Fatal(err)
	}
	s.link("var/lib/db/a", "/srv/precious")
	if _, err := s.Recover(t.Context()); err == nil || !strings.Contains(err.Error(), "/var/lib/db/a is a symbolic link") {
		t.Errorf("got error %v", err)
	}
	s.purge()
	if s.has(dbState) || !s.has("srv/precious/wal/1") {
		t.Errorf("left:\n%s", s.tree())
	}
}

func TestPurgeLeavesDirectoriesAboveTheContainersOwn(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/tmpfiles.template": file("d ${STATE_DIRECTORY}/${NAME} 0700\n", 0o644)})
	s.install(deployment.Request{Image: "db", Name: "srv", Values: map[string]string{"STATE_DIRECTORY": "/srv/data"}})
	s.write("srv/data/srv/wal", "data", 0o600)
	_, err := s.Uninstall(t.Context(), "srv", install.UninstallRequest{Purge: true})
	if err != nil || s.has("srv/data/srv") || !s.has("srv/data") {
		t.Errorf("got error %v, left:\n%s", err, s.tree())
	}
}

// TestPurgeLeavesWhatIsNotTheContainersAlone: a name and a STATE_DIRECTORY can make any
// directory the container's own.
func TestPurgeLeavesWhatIsNotTheContainersAlone(t *testing.T) {
	for _, own := range []string{"/srv", "/home", "/var/lib", "/var/log", "/etc/systemd", "/usr/lib", "/var/lib/syscontainer", "/var/lib/syscontainer/repo", "/srv/data"} {
		s := newScene(t)
		s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/hostfs/etc/db-link": nil, "exports/tmpfiles.template": file("d ${STATE_DIRECTORY}/${NAME} 0700\n", 0o644)})
		above, name := path.Split(own)
		s.install(deployment.Request{Image: "db", Name: "other", Values: map[string]string{"STATE_DIRECTORY": "/srv/data"}})
		s.install(deployment.Request{Image: "db", Name: name, Values: map[string]string{"STATE_DIRECTORY": path.Clean(above)}})
		s.write(path.Join(own, "precious"), "data", 0o600)
		result, err := s.Uninstall(t.Context(), name, install.UninstallRequest{Purge: true})
		if err != nil {
			t.Errorf("%s: %v", own, err)
			continue
		}
		if len(result.Purged) > 0 || !s.has(path.Join(own, "precious")) || !strings.Contains(strings.Join(result.Warnings, "\n"), own+" is not purged: ") {
			t.Errorf("%s: purged %q, warned %q", own, result.Purged, result.Warnings)
		}
	}
}

func TestPurgeLeavesWhatSomethingIsMountedIn(t *testing.T) {
	s := purgeable(t)
	s.mounter.mounted[path.Join(s.root, "var/lib/db/data/backup")] = "/elsewhere"
	result := s.purge()
	if !slices.Equal(result.Purged, []string{"/var/lib/db/logs"}) || !s.has("var/lib/db/data/wal") {
		t.Errorf("purged %q, left:\n%s", result.Purged, s.tree())
	}
	if !strings.Contains(strings.Join(result.Warnings, "\n"), "/var/lib/db/data is not purged: something is mounted at ") {
		t.Errorf("warned %q", result.Warnings)
	}
}

// TestUninstallTellsOfDataOnADiskOfItsOwn, which no purge would have removed.
func TestUninstallTellsOfDataOnADiskOfItsOwn(t *testing.T) {
	s := purgeable(t)
	s.mounter.mounted[path.Join(s.root, "var/lib/db/data")] = "/dev/vdb"
	result, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{})
	if err != nil || !slices.Equal(result.Data, []string{"/var/lib/db/data", "/var/lib/db/logs"}) {
		t.Errorf("got error %v; it tells of data in %q", err, result.Data)
	}
}

func TestUninstallWithoutPurgeKeepsTheData(t *testing.T) {
	s := purgeable(t)
	if err := s.Tree.Remove("/var/lib/db/logs/1"); err != nil {
		t.Fatal(err)
	}
	result, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.has("var/lib/db/data/wal") {
		t.Error("the data is gone")
	}
	if !slices.Equal(result.Data, []string{"/var/lib/db/data"}) {
		t.Errorf("it tells of data in %q", result.Data)
	}
}

func TestAnInterruptedPurgeIsFinished(t *testing.T) {
	for n := 1; ; n++ {
		s := purgeable(t)
		s.effects.done = nil
		s.effects.fail, s.effects.crash = n, true
		died := s.crash(func() { s.purge() })
		s.effects.fail = 0
		if !died {
			return
		}
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.has(dbState) || s.has("var/lib/db") {
			t.Errorf("after %q there is\n%s", s.effects.done, s.tree())
		}
	}
}
