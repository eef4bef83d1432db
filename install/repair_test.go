package install_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// beyondRepair are damages that Repair leaves: what an administrator may have wanted,
// and records of which there is one copy.
func beyondRepair(want string) bool {
	return strings.Contains(want, "(administrator)") || strings.HasPrefix(want, "error: ") || strings.Contains(want, "record.json") ||
		want == "host /usr/local/bin/dbctl content"
}

func TestRepairMendsEveryDamage(t *testing.T) {
	for name, damage := range damages {
		if beyondRepair(damage.want) || strings.Contains(name, "which is the repo's") { // the double has no objects
			continue
		}
		t.Run(name, func(t *testing.T) {
			clean := verified(t, func(*scene) error { return nil }).tree()
			s := verified(t, damage.harm)
			s.services.state["db.service"] = "active"
			s.effects.done = nil
			list, err := s.Repair(t.Context(), install.RepairRequest{})
			if err != nil || len(list) != 1 {
				t.Fatalf("repaired %v, %v", list, err)
			}
			if got := differences(list); got != "" {
				t.Errorf("left:\n%s", got)
			}
			var repaired []string
			for _, d := range list[0].Repaired {
				repaired = append(repaired, differenceText(d))
			}
			if got := strings.Join(repaired, "\n"); got != damage.want || list[0].Restart != (damage.want != "") {
				t.Errorf("repaired:\n%s\nrestart %v", got, list[0].Restart)
			}
			if after := s.tree(); after != clean {
				t.Errorf("not as it was installed:\n%s", after)
			}
			if done := strings.Join(s.effects.done, "\n"); strings.Contains(done, "start ") || strings.Contains(damage.want, "host /") != strings.Contains(done, "reload") {
				t.Errorf("it did:\n%s", done)
			}
		})
	}
}

// What a repair that was killed has beside the files that it was about to put back goes with the next command.
func TestRecoverAfterARepairThatWasKilled(t *testing.T) {
	s := verified(t, func(*scene) error { return nil })
	clean := s.tree()
	for _, file := range []string{"etc/systemd/system/.syscontainer-db.service.ABCDEFGHIJKL", "var/lib/syscontainer/containers/db/deploy/1/.syscontainer-tmpfiles.conf.ABCDEFGHIJKL"} {
		s.write(file, "half", 0o600)
	}
	if _, err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != clean {
		t.Errorf("left:\n%s", after)
	}
}

func TestRepairLeavesWhatWasChanged(t *testing.T) {
	for name, damage := range damages {
		if !beyondRepair(damage.want) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := verified(t, damage.harm)
			before, _ := s.Verify(t.Context())
			list, err := s.Repair(t.Context(), install.RepairRequest{Names: []string{"db"}})
			if err != nil {
				if strings.HasPrefix(damage.want, "error: ") {
					return // it says why
				}
				t.Fatal(err)
			}
			if strings.HasPrefix(damage.want, "error: ") {
				return
			}
			if differences(list) != differences(before) {
				t.Errorf("left:\n%s", differences(list))
			}
		})
	}
}

func TestRepairOfNamedFiles(t *testing.T) {
	s := verified(t, func(s *scene) error {
		s.write("etc/db/db.conf", "port=1\n", 0o640)
		return errors.Join(os.Remove(on(s, "usr/local/bin/dbctl")), os.WriteFile(on(s, "usr/local/bin/dbctl"), []byte("evil"), 0o755))
	})
	_, err := s.Repair(t.Context(), install.RepairRequest{Files: []string{"/etc/passwd"}})
	var usage *hint.UsageError
	if err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "/etc/passwd") { // another host may have it of one
		t.Errorf("got %v", err)
	}
	list, err := s.Repair(t.Context(), install.RepairRequest{Files: []string{"/etc/db/db.conf"}})
	if err != nil || differences(list) != "host /usr/local/bin/dbctl content" || s.read("etc/db/db.conf") != "port=5432\n" {
		t.Errorf("left %s, %v", differences(list), err)
	}
}

func TestRepairRendersAgain(t *testing.T) {
	s := verified(t, func(s *scene) error {
		s.write(dbDeployment+"config.json", "{}", 0o600)
		s.write(dbDeployment+"hostfs/etc/db/db.conf", "x", 0o600)
		s.write("etc/db/db.conf", "port=1\n", 0o640)
		s.write("etc/systemd/system/db.service", "x", 0o644)
		s.write(dbDeployment+"db.service", "y", 0o644)
		return nil
	})
	list, err := s.Repair(t.Context(), install.RepairRequest{})
	if err != nil || differences(list) != "host /etc/db/db.conf content (administrator)" {
		t.Errorf("left %s, %v", differences(list), err)
	}
}

func TestRepairSaysWhatCannotBeRenderedAgain(t *testing.T) {
	s := verified(t, func(s *scene) error { return os.Remove(on(s, dbDeployment+"config.json")) })
	s.Host.Capabilities = []string{"CAP_CHOWN"}
	if err := os.Remove(on(s, "usr/bin/runc")); err != nil {
		t.Fatal(err)
	}
	list, err := s.Repair(t.Context(), install.RepairRequest{})
	if err != nil || !strings.Contains(list[0].Error, "making /"+dbDeployment+"config.json anew: ") {
		t.Errorf("got %v, %v", list, err)
	}
}

// TestRepairByADamagedRecordRemovesNothing: what the record calls otherwise is the
// configuration that the service starts with next.
func TestRepairByADamagedRecordRemovesNothing(t *testing.T) {
	s := verified(t, func(s *scene) error {
		record, err := s.Tree.ReadFile(s.Paths.Record("db", 1))
		if err != nil {
			return err
		}
		return s.Tree.WriteFile(s.Paths.Record("db", 1), bytes.Replace(record, []byte(`"config.json"`), []byte(`"config.jsom"`), 1), 0o600)
	})
	list, err := s.Repair(t.Context(), install.RepairRequest{})
	if err != nil || len(list) != 1 || list[0].OK() || len(list[0].Repaired) > 0 {
		t.Errorf("repaired %v, %v", list, err)
	}
	if !s.has(dbState + "/deploy/1/config.json") {
		t.Error("config.json is gone")
	}
}

func TestRepairFetchesObjects(t *testing.T) {
	for _, gone := range []bool{false, true} {
		s := verified(t, func(s *scene) error {
			s.images.damaged = "abcd.file"
			return os.Remove(on(s, dbDeployment+"rootfs/bin/db"))
		})
		s.effects.done = nil
		if gone {
			s.effects.fail = 1
		}
		list, err := s.Repair(t.Context(), install.RepairRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if s.effects.done[0] != "refetch [abcd.file]" {
			t.Errorf("it did %v", s.effects.done)
		}
		if gone != strings.Contains(list[0].Error, "fetching 1 objects of db anew: injected failure") {
			t.Errorf("got %+v", list[0])
		}
	}
}

func TestRepairCanBeRepeatedAfterACrash(t *testing.T) {
	clean := verified(t, func(*scene) error { return nil }).tree()
	for n := 1; ; n++ {
		s := verified(t, func(s *scene) error {
			s.write(dbDeployment+"rootfs/bin/db", "evil", 0o755)
			s.write(dbDeployment+"config.json", "{}", 0o600)
			delete(s.images.held, "db/1")
			return os.Remove(on(s, "etc/systemd/system/db.service"))
		})
		s.effects.done, s.effects.fail, s.effects.crash = nil, n, true
		if died := s.crash(func() { _, _ = s.Repair(t.Context(), install.RepairRequest{}) }); !died {
			if n < 4 {
				t.Errorf("only %d effects: %v", n-1, s.effects.done)
			}
			return
		}
		s.effects.fail = 0
		list, err := s.Repair(t.Context(), install.RepairRequest{})
		if err != nil || differences(list) != "" || s.tree() != clean {
			t.Errorf("crash %d: left %s, %v\n%s", n, differences(list), err, s.tree())
		}
	}
}

func TestRepairOfTwoDeployments(t *testing.T) {
	s := verified(t, func(*scene) error { return nil })
	if _, err := s.Update(t.Context(), "db", install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": "1"}}}); err != nil {
		t.Fatal(err)
	}
	s.write(dbDeployment+"config.json", "{}", 0o600)
	s.write(dbDeployment+"rootfs/bin/db", "evil", 0o755)
	list, err := s.Verify(t.Context())
	if err != nil || len(list) != 2 || list[0].Deployment != 2 || !list[0].Current || !list[0].OK() || len(list[1].Differences) != 2 {
		t.Fatalf("found %s, %v", differences(list), err)
	}
	list, err = s.Repair(t.Context(), install.RepairRequest{})
	if err != nil || differences(list) != "" || len(list[1].Repaired) != 2 {
		t.Errorf("left %s, %v", differences(list), err)
	}
}
