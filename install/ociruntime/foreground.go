package ociruntime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where cgroup v2 is mounted.
const cgroupRoot = "/sys/fs/cgroup"

func runArgs(container, bundle string) []string {
	return []string{"run", "--bundle", bundle, container}
}

func deleteArgs(container string) []string { return []string{"delete", "--force", container} }

// Run runs the container of a bundle with this program's files and signals, and waits for
// its end. It returns the exit status; after a signal, 128 and the signal's number. What
// goes wrong before the program runs is told by the runtime, on standard error. This program
// must be in a control group of its own, the one of which config.json names the part
// "container": it moves into another part, since a group that has processes cannot give
// controllers to others. When ctx has ended before, that is the error.
func (System) Run(ctx context.Context, program, container, bundle string) (status int, err error) {
	if err := leaveCgroup(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	cmd := exec.Command(program, runArgs(container, bundle)...) // not ended by ctx: signals are handed on
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = withoutManager(os.Environ())
	// It ends with this program, and hands that on. The kernel takes the thread that started it for its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", program, err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go handOn(cmd.Process, signals, ended)
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("waiting for %s: %w", program, err)
	}
	return exitStatus(cmd.ProcessState), nil
}

// handOn gives signals to a runtime, which gives them to the container.
func handOn(to *os.Process, signals <-chan os.Signal, ended <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if isKey(s) && inForeground() {
				continue // the terminal has sent it to the runtime as well
			}
			_ = to.Signal(s) // it may have ended just now
		case <-ended:
			return
		}
	}
}

func isKey(s os.Signal) bool { return s == unix.SIGINT || s == unix.SIGQUIT }

// inForeground reports whether the keys of a terminal are signals for this program.
func inForeground() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitStatus is that of a process as shells have it.
func exitStatus(state *os.ProcessState) int {
	const signaled = 128
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return signaled + int(wait.Signal())
	}
	return state.ExitCode()
}

// Delete kills a container and removes what its runtime knows of it. It is no error when
// that is nothing.
func (System) Delete(ctx context.Context, program, container string) error {
	err := run(ctx, exec.CommandContext(ctx, program, deleteArgs(container)...))
	var refused *Error
	if errors.As(err, &refused) {
		if _, stateErr := (System{}).State(ctx, program, container); errors.As(stateErr, &refused) {
			return nil // it is not known, which not every version takes for success
		}
	}
	if err != nil {
		return fmt.Errorf("removing the container %s: %w", container, err)
	}
	return nil
}

// leaveCgroup moves this program into a group below its own.
func leaveCgroup() error {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return fmt.Errorf("finding the control group: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		own, found := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !found {
			continue
		}
		dir := filepath.Join(cgroupRoot, own, "supervisor")
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a control group: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return fmt.Errorf("moving into a control group: %w", err)
		}
		return nil
	}
	return errors.New("finding the control group: no entry of cgroup v2")
}

// withoutManager is an environment without what systemd says to a service: a runtime would
// take it for its own.
func withoutManager(environ []string) []string {
	return slices.DeleteFunc(environ, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "LISTEN_") || strings.HasPrefix(name, "WATCHDOG_")
	})
}
