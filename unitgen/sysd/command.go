package sysd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"
)

// Command is a program to run.
type Command struct {
	Args []string // Args[0] is looked up in PATH
	Env  []string // added to the environment
}

// Runner runs a command to its end and returns its standard output. An error
// is a *CommandError with what the program wrote to standard error.
type Runner func(ctx context.Context, c Command) ([]byte, error)

// killDelay is what a program gets to end by itself after its context ended.
const killDelay = 2 * time.Second

// Exec is the Runner that really runs the command.
func Exec(ctx context.Context, c Command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.WaitDelay = killDelay
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Stdin = strings.NewReader("") // a chroot may lack the /dev/null that nil stands for
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return stdout.Bytes(), &CommandError{Args: c.Args, Stderr: strings.TrimSpace(stderr.String()), Err: err}
}

// offlineEnv keeps systemctl from running the hooks of System V init scripts,
// as D-Bus does not run them either.
var offlineEnv = [...]string{"SYSTEMD_LOG_LEVEL=warning", "SYSTEMCTL_SKIP_SYSV=1"}

func offlineCommand(root, verb string, units []string) Command {
	args := []string{"systemctl", "--root=" + root, "--quiet", verb, "--"}
	return Command{Args: append(args, units...), Env: offlineEnv[:]}
}

// tmpfilesCommand applies one file of tmpfiles.d. Its base name is what
// systemd-tmpfiles looks up below its root; a path would be one outside.
//
// Below a root that is not running, the file systems that are made at boot
// are left out: systemd-tmpfiles does those when the tree boots.
func tmpfilesCommand(root, file string) Command {
	args := []string{"systemd-tmpfiles", "--create"}
	if root != "" {
		args = append(args, "--root="+root)
		for _, volatile := range []string{"/dev", "/proc", "/run", "/sys"} {
			args = append(args, "--exclude-prefix="+volatile)
		}
	}
	return Command{Args: append(args, "--", path.Base(file))}
}

func journalSyncCommand() Command {
	return Command{Args: []string{"journalctl", "--sync"}}
}

func journalCommand(unit string, lines int) Command {
	return Command{Args: []string{
		"journalctl", "--no-pager", "--quiet", "--boot", "--output=cat",
		"--lines=" + strconv.Itoa(lines), "--unit=" + unit,
	}}
}
