package install_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// notFiles are what may stand where a file should be: each waits, or never ends, when it
// is read like one.
func notFiles() map[string]func(path string) error {
	return map[string]func(path string) error{
		"a pipe":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":        func(path string) error { return os.MkdirAll(path+"/below", 0o700) },
		"a link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
		// A terabyte that takes no place.
		"a giant": func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) },
	}
}

func TestNothingWaitsForWhatIsNoFile(t *testing.T) {
	for what, put := range notFiles() {
		for _, state := range []string{"deploy/1/record.json", "history.json", "pending.json"} {
			t.Run(what+" as "+state, func(t *testing.T) {
				s := updatable(t, nil)
				s.write("dev/zero", "", 0o600)
				clean := func() bool { return !s.has(dbState) && !s.has("etc/systemd/system/db.service.d") }
				if err := os.RemoveAll(on(s, dbState+state)); err != nil {
					t.Fatal(err)
				}
				if err := put(on(s, dbState+state)); err != nil {
					t.Fatal(err)
				}
				if list, err := s.List(t.Context()); err != nil || len(list) != 1 {
					t.Errorf("listed %v, %v", list, err)
				}
				_, showErr := s.Show(t.Context(), "db")
				_, verifyErr := s.Verify(t.Context())
				_, updateErr := s.Update(t.Context(), "db", install.UpdateRequest{})
				t.Log(showErr, verifyErr, updateErr) // whatever they are, they have come
				if err := uninstallDB(s); err != nil || !clean() {
					t.Errorf("got error %v, left:\n%s", err, s.tree())
				}
			})
		}
	}
}

func TestAHostFileThatIsTooLargeForADiff(t *testing.T) {
	s := updatable(t, nil)
	if err := os.Truncate(on(s, dbState+"deploy/1/hostfs/etc/db/db.conf"), 1<<40); err != nil {
		t.Fatal(err)
	}
	plan := s.update(install.UpdateRequest{DryRun: true}).Plan
	for _, f := range plan.Files {
		if f.Path == "/etc/db/db.conf" && (f.Action != deployment.Change || f.Diff != "") {
			t.Errorf("planned %+v", f)
		}
	}
}

func TestAHistoryThatCannotBeTrueBeginsAnew(t *testing.T) {
	for _, text := range []string{
		`{"highest": 9223372036854775807}`, `{"highest": 2147483648}`, `{"highest": -7}`, `{"highest": 1, "staged": -1}`,
		`{"highest": 1, "previous": 9223372036854775807}`, `{"highest": 1e400}`, `{"highest": 99999999999999999999}`,
	} {
		s := updatable(t, nil)
		s.write(dbState+"history.json", text, 0o600)
		if n := s.update(install.UpdateRequest{}).Record.Deployment; n != 2 {
			t.Errorf("%s: the next deployment is %d", text, n)
		}
	}
}

func TestNumbersOfDeploymentsEnd(t *testing.T) {
	s := updatable(t, nil)
	s.write(dbState+"history.json", `{"highest": 2147483647}`, 0o600)
	before := s.tree()
	_, err := s.Update(t.Context(), "db", install.UpdateRequest{})
	if err == nil || !strings.Contains(err.Error(), "there is no number left") || s.tree() != before {
		t.Errorf("got error %v", err)
	}
}

func TestDirectoriesThatAreNoDeployments(t *testing.T) {
	for _, name := range []string{"01", "+5", "9223372036854775807", "2147483648", "-3", "0"} {
		s := updatable(t, nil)
		s.mkdir(dbState + "deploy/" + name)
		s.update(install.UpdateRequest{})
		details, err := s.Show(t.Context(), "db")
		if err != nil || fmt.Sprint(len(details.Deployments), details.Deployment) != "2 2" {
			t.Errorf("%s: %v, %v", name, details, err)
		}
	}
}
