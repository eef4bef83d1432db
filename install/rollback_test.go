package install_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

func (s *scene) rollback(to int) *install.Result {
	s.t.Helper()
	result, err := s.Rollback(s.t.Context(), "db", install.RollbackRequest{To: to})
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

func TestRollingBackTwiceRollsForward(t *testing.T) {
	s := updatable(t, nil)
	s.start()
	installed := s.hostFiles()
	s.update(install.UpdateRequest{})
	updated := s.settled()
	if result := s.rollback(0); result.Record.Deployment != 1 || result.From.Deployment != 2 {
		t.Errorf("got %+v", result)
	}
	s.runsFrom(t, "1")
	if back := s.hostFiles(); back != installed {
		t.Errorf("not as it was installed:\n%s\nbut\n%s", installed, back)
	}
	s.rollback(0)
	s.runsFrom(t, "2")
	if again := s.settled(); again != updated {
		t.Errorf("not as it was updated:\n%s", again)
	}
}

func TestRollbackTargets(t *testing.T) {
	s := updatable(t, nil)
	s.Keep = 3
	if _, err := s.Rollback(t.Context(), "db", install.RollbackRequest{}); err == nil || !strings.Contains(err.Error(), "no deployment but the current one, 1") {
		t.Errorf("got error %v", err)
	}
	for _, port := range []string{"2", "3", "4"} {
		s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": port}}})
	}
	if tree := s.tree(); s.has(dbState+"deploy/1") || !s.has(dbState+"deploy/2") || len(s.images.held) != 3 {
		t.Errorf("held %v\n%s", s.images.held, tree)
	}
	if _, err := s.Rollback(t.Context(), "db", install.RollbackRequest{To: 1}); err == nil || !strings.Contains(err.Error(), "there is no deployment 1") {
		t.Errorf("got error %v", err)
	}
	s.rollback(2)
	if got := s.read("etc/db/db.conf"); got != "port=2\n" {
		t.Errorf("got %q", got)
	}
	if result := s.rollback(2); result.Changed || !result.Present {
		t.Errorf("got %+v", result)
	}
	// Neither what runs nor what a rollback leads to is removed.
	s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": "5"}}})
	if tree := s.tree(); !s.has(dbState+"deploy/5") || !s.has(dbState+"deploy/2") || !s.has(dbState+"deploy/4") {
		t.Errorf("retired the wrong one:\n%s", tree)
	}
}

func rollbackDB(s *scene) error {
	_, err := s.Rollback(s.t.Context(), "db", install.RollbackRequest{})
	return err
}

func TestAFailedRollbackLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	eachChange(t, false, mustUpdate, rollbackDB, func(t *testing.T, s *scene, before, _ string, err error) {
		if !errors.Is(err, errInjected) {
			t.Fatalf("got error %v", err)
		}
		if got := s.settled(); got != before || len(s.images.held) != 2 {
			t.Errorf("held %v, left\n%s\nwhere there was\n%s", s.images.held, got, before)
		}
		s.runsFrom(t, "2")
		s.rollback(0)
		s.runsFrom(t, "1")
	})
}

func TestRecoverSettlesAnInterruptedRollback(t *testing.T) {
	t.Parallel()
	eachChange(t, true, mustUpdate, rollbackDB, func(t *testing.T, s *scene, before, after string, _ error) {
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		switch got := s.settled(); got {
		case before:
			s.runsFrom(t, "2")
		case after:
			s.runsFrom(t, "1")
		default:
			t.Errorf("neither before nor after:\n%s", got)
		}
	})
}

// TestARollbackStands: what goes over all containers does not undo what somebody decided
// about one, until he asks for that one.
func TestARollbackStands(t *testing.T) {
	s := updatable(t, nil)
	all := install.UpdateRequest{LeaveRolledBack: true}
	s.update(all)
	s.rollback(0)
	s.images.leads["db"] = "db"
	for range 2 { // it is remembered, and changes nothing
		before := s.tree()
		_, err := s.Update(t.Context(), "db", all)
		var rolledBack *install.RolledBackError
		if !errors.As(err, &rolledBack) || rolledBack.Deployment != 1 || s.tree() != before {
			t.Fatalf("got error %v", err)
		}
		if details, err := s.Show(t.Context(), "db"); err != nil || !details.RolledBack {
			t.Errorf("show: %+v, %v", details, err)
		}
		s.update(install.UpdateRequest{DryRun: true})
	}
	if s.update(install.UpdateRequest{}).Changed { // there is nothing new, and it was asked for
		t.Error("something was new")
	}
	s.images.leads["db"] = "db2"
	if n := s.update(all).Record.Deployment; n != 3 {
		t.Errorf("updated to deployment %d", n)
	}
}

func TestRollingForwardEndsARollback(t *testing.T) {
	s := updatable(t, nil)
	s.Keep = 3
	s.update(install.UpdateRequest{})
	s.images.leads["db"] = "db"
	s.update(install.UpdateRequest{})
	all := install.UpdateRequest{LeaveRolledBack: true}
	for _, step := range []struct {
		to    int
		stays bool
	}{{1, true}, {2, true}, {3, false}, {2, true}} {
		s.rollback(step.to)
		_, err := s.Update(t.Context(), "db", all)
		if stays := errors.As(err, new(*install.RolledBackError)); stays != step.stays {
			t.Errorf("after a rollback to %d: %v", step.to, err)
		}
	}
	if n := s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": "1"}}}).Record.Deployment; n != 4 {
		t.Errorf("updated to deployment %d", n)
	}
	s.update(all)
}

func TestARollbackThatFailsIsNone(t *testing.T) {
	eachChange(t, false, mustUpdate, rollbackDB, func(t *testing.T, s *scene, before, after string, err error) {
		if _, err := s.Update(t.Context(), "db", install.UpdateRequest{LeaveRolledBack: true}); err != nil {
			t.Errorf("got error %v", err)
		}
	})
}

func TestARollbackThatIsInterruptedStandsOrIsNone(t *testing.T) {
	eachChange(t, true, mustUpdate, rollbackDB, func(t *testing.T, s *scene, before, after string, _ error) {
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Update(t.Context(), "db", install.UpdateRequest{LeaveRolledBack: true})
		if back := s.settled() == after; back != errors.As(err, new(*install.RolledBackError)) {
			t.Errorf("rolled back: %v, got error %v", back, err)
		}
	})
}

func TestRollbackSaysWhatIsInTheWay(t *testing.T) {
	s := updatable(t, nil)
	s.update(install.UpdateRequest{})
	if err := s.Tree.RemoveAll("/etc/db/db.conf"); err != nil {
		t.Fatal(err)
	}
	s.mkdir("etc/db/db.conf")
	before := s.tree()
	_, err := s.Rollback(t.Context(), "db", install.RollbackRequest{})
	if err == nil || !strings.Contains(err.Error(), "is to be a file, and something else is there") || len(hintsOf(err)) != 1 || s.tree() != before {
		t.Errorf("got error %v", err)
	}
}
