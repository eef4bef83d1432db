package sysd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCommands(t *testing.T) {
	const volatile = " --exclude-prefix=/dev --exclude-prefix=/proc --exclude-prefix=/run --exclude-prefix=/sys"
	for name, c := range map[string]struct {
		command Command
		want    string
	}{
		"enable":           {offlineCommand("/mnt/x", "enable", []string{"a.service", "b.timer"}), "systemctl --root=/mnt/x --quiet enable -- a.service b.timer"},
		"chroot":           {offlineCommand("/", "disable", []string{"a.service"}), "systemctl --root=/ --quiet disable -- a.service"},
		"tmpfiles":         {tmpfilesCommand("", "etcd.conf"), "systemd-tmpfiles --create -- etcd.conf"},
		"tmpfiles path":    {tmpfilesCommand("", "/etc/tmpfiles.d/etcd.conf"), "systemd-tmpfiles --create -- etcd.conf"},
		"tmpfiles offline": {tmpfilesCommand("/mnt/x", "/etc/tmpfiles.d/etcd.conf"), "systemd-tmpfiles --create --root=/mnt/x" + volatile + " -- etcd.conf"},
		"journal":          {journalCommand("etcd.service", 7), "journalctl --no-pager --quiet --boot --output=cat --lines=7 --unit=etcd.service"},
		"sync":             {journalSyncCommand(), "journalctl --sync"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.command.Args, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if env := offlineCommand("/", "enable", nil).Env; !slices.Contains(env, "SYSTEMCTL_SKIP_SYSV=1") {
		t.Errorf("init scripts are not left alone: %q", env)
	}
}

func TestExec(t *testing.T) {
	out, err := Exec(t.Context(), Command{Args: []string{"sh", "-c", "echo $A; echo no >&2"}, Env: []string{"A=1"}})
	if err != nil || string(out) != "1\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestExecError(t *testing.T) {
	out, err := Exec(t.Context(), Command{Args: []string{"sh", "-c", "echo out; echo one >&2; echo two >&2; exit 3"}})
	var failed *CommandError
	if !errors.As(err, &failed) || failed.Stderr != "one\ntwo" || string(out) != "out\n" {
		t.Fatalf("got %q, %v", out, err)
	}
	const want = "running sh -c echo out; echo one >&2; echo two >&2; exit 3: exit status 3: one; two"
	if err.Error() != want {
		t.Errorf("got %q", err)
	}
}

func TestExecMissingProgram(t *testing.T) {
	_, err := Exec(t.Context(), Command{Args: []string{"no-such-program-here"}})
	const want = `running no-such-program-here: exec: "no-such-program-here": executable file not found in $PATH`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := Exec(ctx, Command{Args: []string{"sleep", "60"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
