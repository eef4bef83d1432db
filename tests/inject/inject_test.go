package inject_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/tests/inject"
)

// script changes the disk eleven times, in processes of its own, and says what became of it.
const script = `
mkdir dir && echo text >dir/file && ln dir/file dir/link && ln -s file dir/symlink && mv dir/file dir/renamed &&
chmod 600 dir/renamed && rm dir/link && rm dir/symlink && rm dir/renamed && rmdir dir && echo done || { echo failed; exit 1; }`

// changes are the calls of the script, in order.
var changes = []string{
	"mkdir", "openat", "write", "linkat", "symlinkat", "renameat2", "fchmodat", "unlinkat", "unlinkat", "unlinkat", "rmdir",
}

func shell(t *testing.T, dir string, fault inject.Fault) (inject.Report, *exec.Cmd, string) {
	t.Helper()
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	report, err := inject.Run(cmd, fault)
	if err != nil {
		t.Fatal(err)
	}
	return report, cmd, out.String()
}

func TestEachChangeCounts(t *testing.T) {
	report, cmd, said := shell(t, t.TempDir(), inject.Fault{})
	if report != (inject.Report{Calls: len(changes)}) || !cmd.ProcessState.Success() || said != "done\n" {
		t.Errorf("%+v, %v, %q", report, cmd.ProcessState, said)
	}
	for i, name := range changes {
		t.Run(fmt.Sprint(i+1, name), func(t *testing.T) {
			dir := t.TempDir()
			report, cmd, said := shell(t, dir, inject.Fault{Nth: i + 1})
			if !strings.HasPrefix(report.Hit, name+" ") || !strings.Contains(report.Hit, " "+dir+"/dir") {
				t.Errorf("hit %q", report.Hit)
			}
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != unix.SIGKILL || said != "" {
				t.Errorf("it ended with %v, and said %q", cmd.ProcessState, said)
			}
			if _, err := os.Stat(filepath.Join(dir, "dir")); (err == nil) != (i > 0) {
				t.Errorf("killed at call %d: %v", i+1, err)
			}
		})
	}
}

func TestACallFails(t *testing.T) {
	for i, name := range changes {
		t.Run(fmt.Sprint(i+1, name), func(t *testing.T) {
			report, cmd, said := shell(t, t.TempDir(), inject.Fault{Nth: i + 1, Errno: unix.ENOSPC})
			if !strings.HasPrefix(report.Hit, name+" ") || cmd.ProcessState.ExitCode() != 1 ||
				!(strings.Contains(said, "No space left on device") || strings.Contains(said, "echo: I/O error")) || !strings.Contains(said, "failed") {
				t.Errorf("hit %q, %v, %q", report.Hit, cmd.ProcessState, said)
			}
		})
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	if _, err := inject.Run(exec.Command(filepath.Join(t.TempDir(), "none")), inject.Fault{}); err == nil {
		t.Error("no error")
	}
}
