package install_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// kinds are what a path of the host can be.
var kinds = map[string]fstest.MapFS{
	"a file":      {"exports/hostfs/etc/db.d": file("x", 0o644)},
	"a link":      {"exports/hostfs/etc/db.d": link("/srv")},
	"a directory": {"exports/hostfs/etc/db.d/a/x": file("x", 0o644), "exports/hostfs/etc/db.d/y": link("a/x")},
}

// changesKind has the image of db make a path of another kind with the next update.
func changesKind(s *scene, before, after string) {
	s.mkdir("srv")
	s.images.images["db"] = with(dbImage(), kinds[before])
	s.images.images["db2"] = with(dbImage(), kinds[after])
	s.install(deployment.Request{Image: "db"})
	s.images.leads["db"] = "db2"
	s.start()
}

// eachKind calls do for each change between a directory and something else.
func eachKind(t *testing.T, do func(t *testing.T, before, after string)) {
	for _, other := range []string{"a file", "a link"} {
		t.Run("a directory to "+other, func(t *testing.T) { do(t, "a directory", other) })
		t.Run(other+" to a directory", func(t *testing.T) { do(t, other, "a directory") })
	}
}

func TestUpdateToAnotherKind(t *testing.T) {
	eachKind(t, func(t *testing.T, before, after string) {
		s := newScene(t)
		clean := s.tree()
		changesKind(s, before, after)
		old := s.hostFiles()
		dry := s.update(install.UpdateRequest{DryRun: true})
		s.update(install.UpdateRequest{})
		updated := s.hostFiles()
		if updated == old {
			t.Error("nothing has changed")
		}
		for _, f := range dry.Plan.Files {
			if isNow := s.has(f.Path[1:]); f.Action == deployment.Remove && isNow != (f.Path == "/etc/db.d") || f.Action == deployment.Add && !isNow {
				t.Errorf("planned was to %s %s", f.Action, f.Path)
			}
		}
		s.rollback(0)
		if got := s.hostFiles(); got != old {
			t.Errorf("rolled back to\n%s\nfrom\n%s", got, old)
		}
		s.rollback(0)
		if got := s.hostFiles(); got != updated {
			t.Errorf("rolled forward to\n%s\nfrom\n%s", got, updated)
		}
		if err := uninstallDB(s); err != nil || strings.ReplaceAll(s.tree(), "drwxr-xr-x /srv\n", "") != clean {
			t.Errorf("got error %v, left:\n%s", err, s.tree())
		}
	})
}

func TestAFailedUpdateToAnotherKind(t *testing.T) {
	eachKind(t, func(t *testing.T, before, after string) {
		var old string
		begin := func(s *scene) { changesKind(s, before, after); old = s.hostFiles() }
		eachEffect(t, false, begin, updateDB, func(t *testing.T, s *scene, err error) {
			if got := s.hostFiles(); !errors.Is(err, errInjected) || got != old {
				t.Errorf("got error %v, and\n%s\nwhere there was\n%s", err, got, old)
			}
			s.runsFrom(t, "1")
		})
		eachEffect(t, true, begin, updateDB, func(t *testing.T, s *scene, _ error) {
			if _, err := s.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustUpdate(s)
			if got := s.hostFiles(); got == old {
				t.Error("the update changed nothing")
			}
		})
	})
}

// TestUpdateToAnotherKindLeavesWhatIsNotOurs: it is told of before anything is changed.
func TestUpdateToAnotherKindLeavesWhatIsNotOurs(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"another file":   func(s *scene) { s.write("etc/db.d/a/mine", "", 0o644) },
		"another folder": func(s *scene) { s.mkdir("etc/db.d/a/b") },
		"a changed file": func(s *scene) { s.write("etc/db.d/a/x", "mine", 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			changesKind(s, "a directory", "a file")
			change(s)
			before := s.settled()
			err := updateDB(s)
			if err == nil || !strings.Contains(err.Error(), "/etc/db.d exists and is a directory") || s.settled() != before {
				t.Errorf("got error %v", err)
			}
			if got := hintsOf(err); !slices.Contains(got, "move away what is in the way, and repeat the command") {
				t.Errorf("it advises: %q", got)
			}
			if err := s.Tree.RemoveAll("/etc/db.d"); err != nil { // away it is
				t.Fatal(err)
			}
			mustUpdate(s)
		})
	}
}

// TestUpdateToAnotherKindLeavesADirectoryOfOthers, whoever comes first in the list.
func TestUpdateToAnotherKindLeavesADirectoryOfOthers(t *testing.T) {
	for _, other := range []string{"aa", "zz"} {
		s := newScene(t)
		changesKind(s, "a directory", "a file")
		s.images.images[other] = filesImage(fstest.MapFS{"exports/hostfs/etc/db.d/a": dir(0o755)})
		s.install(deployment.Request{Image: other})
		before := s.settled()
		if err := updateDB(s); err == nil || !strings.Contains(err.Error(), "/etc/db.d belongs to the container "+other) || s.settled() != before {
			t.Errorf("with %s: got error %v", other, err)
		}
	}
}

func TestRollbackToAnotherKindLeavesWhatIsNotOurs(t *testing.T) {
	for _, before := range []string{"a file", "a link"} {
		s := newScene(t)
		changesKind(s, before, "a directory")
		s.update(install.UpdateRequest{})
		s.write("etc/db.d/a/mine", "", 0o644)
		tree := s.tree()
		_, err := s.Rollback(t.Context(), "db", install.RollbackRequest{})
		if err == nil || !strings.Contains(err.Error(), "/etc/db.d is to be a ") || s.tree() != tree {
			t.Errorf("back to %s: got error %v", before, err)
		}
	}
}
