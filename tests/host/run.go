package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Result is what a command said and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status; 128 + the signal's number when it was killed
}

// Run runs a command inside the machine, as root in a login-like environment. A command that fails is not an error:
// see Result.Code.
func (h *Host) Run(ctx context.Context, argv ...string) (Result, error) {
	return h.enter(ctx, machineNamespaces(), argv)
}

// RunInNetwork runs a program of this machine, which sees this machine's files, in the network of the host.
func (h *Host) RunInNetwork(ctx context.Context, argv ...string) (Result, error) {
	return h.enter(ctx, []string{"--net"}, argv)
}

// Output is Run for a command that must succeed: its standard output without the last newline.
func (h *Host) Output(ctx context.Context, argv ...string) (string, error) {
	result, err := h.Run(ctx, argv...)
	return result.must(argv, err)
}

func (r Result) must(argv []string, err error) (string, error) {
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: exit status %d\n%s%s", strings.Join(argv, " "), r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSuffix(r.Stdout, "\n"), err
}

func (h *Host) enter(ctx context.Context, namespaces, argv []string) (Result, error) {
	var stdout, stderr bytes.Buffer
	err := h.attach(ctx, streams{nil, &stdout, &stderr}, namespaces, argv)
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return result, fmt.Errorf("running %q: %w\n%s", argv, context.Cause(ctx), result.Stderr)
	case ok:
		result.Code = exitCode(exit)
		return result, nil
	case err != nil:
		return result, fmt.Errorf("running %q: %w", argv, err)
	}
	return result, nil
}

type streams struct {
	in       io.Reader
	out, err io.Writer
}

func machineNamespaces() []string { return []string{"--all", "--root", "--wd"} }

func (h *Host) attach(ctx context.Context, s streams, namespaces, argv []string) error {
	cmd, free, err := h.command(ctx, namespaces, argv)
	if err != nil {
		return err
	}
	defer free()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	if err := cmd.Start(); err != nil {
		return err
	}
	go keepGoing(cmd.Process)
	return cmd.Wait()
}

// cldStopped is CLD_STOPPED of waitid(2).
const cldStopped = 5

// keepGoing continues an nsenter whenever it is stopped, until it ends. A machine that shuts down stops all of its
// processes before it ends them, and nsenter then stops itself, for a shell with job control to continue it. There is none
// here, and without an nsenter that takes note of the end of its command the machine would not come to its own.
func keepGoing(nsenter *os.Process) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, nsenter.Pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || info.Code != cldStopped {
			return
		}
		_ = nsenter.Signal(syscall.SIGCONT)
	}
}

// Command returns a command inside the machine, to be started, as Run starts it. free is to be called afterwards.
func (h *Host) Command(ctx context.Context, argv ...string) (cmd *exec.Cmd, free func(), err error) {
	return h.command(ctx, machineNamespaces(), argv)
}

func (h *Host) command(ctx context.Context, namespaces, argv []string) (cmd *exec.Cmd, free func(), err error) {
	args := append([]string{"--target=" + strconv.Itoa(h.leader)}, namespaces...)
	cmd = exec.CommandContext(ctx, "nsenter", append(append(args, "--"), argv...)...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
	}
	cmd.WaitDelay = 5 * time.Second
	cgroup, err := h.openCgroup()
	if err != nil {
		return nil, nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	return cmd, func() { cgroup.Close() }, nil
}

// openCgroup opens the cgroup of the machine's PID 1: what we run inside must be in a cgroup that exists inside.
func (h *Host) openCgroup() (*os.File, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", h.leader))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if path, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			dir, err := cgroupDir(path)
			if err != nil {
				return nil, err
			}
			return os.Open(dir)
		}
	}
	return nil, fmt.Errorf("process %d is in no cgroup2", h.leader)
}

func exitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// Journal returns the log of a unit, or of everything when unit is empty, over all boots. It works on a machine that
// is off, too.
func (h *Host) Journal(ctx context.Context, unit string) (string, error) {
	args := []string{"--directory=" + filepath.Join(h.Dir, "var/log/journal"), "--no-pager", "--output=short-precise"}
	if unit != "" {
		args = append(args, "--unit="+unit)
	}
	out, err := exec.CommandContext(ctx, "journalctl", args...).Output()
	return string(out), err
}

// run runs a program of this machine that must succeed, and shows what it said when it does not.
func run(ctx context.Context, argv ...string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", argv[0], err, bytes.TrimSpace(out))
	}
	return nil
}
