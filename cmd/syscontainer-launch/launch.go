package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// cleanupTimeout bounds what is done after a start was broken off, so that it
// ends before systemd loses patience (TimeoutStopSec= is 90 s by default).
const cleanupTimeout = 20 * time.Second

// errStopped says that the unit was stopped while it was starting.
var errStopped = errors.New("stopped before the container was started")

// host is where the launcher finds the kernel's and the runtime's files, and
// its environment. Tests put a directory of their own there.
type host struct {
	proc, cgroup, run string
	environ           []string
	manager           int    // pid of the systemd that started the launcher
	self              string // this program
	patience          time.Duration
}

func realHost() host {
	return host{
		proc: "/proc", cgroup: "/sys/fs/cgroup", run: "/run", environ: os.Environ(), manager: os.Getppid(), self: "/proc/self/exe",
		patience: startPatience,
	}
}

// launch starts the container and hands it to systemd. After nil the
// container runs and is the unit's main process; after any error nothing of
// the container is left, so that the next start finds a clean place.
func (h host) launch(ctx context.Context, o options) error {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return errors.New("NOTIFY_SOCKET is not set: this program runs as ExecStart= of a unit with Type=notify")
	}
	f, err := readFacts(o.Bundle)
	if err != nil {
		return err
	}
	if err := h.makeRoom(ctx, o, f); err != nil {
		return err
	}
	err = h.startContainer(ctx, o, f)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", errStopped, context.Cause(ctx))
	}
	return withCleanup(err, h.cleanUp(ctx, o))
}

// makeRoom is what comes before the runtime: nothing of an earlier container is left
// after nil, the launcher is out of the way, and the credentials are there.
func (h host) makeRoom(ctx context.Context, o options, f facts) error {
	if _, err := exec.LookPath(o.Runtime); err != nil {
		return fmt.Errorf("finding the OCI runtime: %w", err)
	}
	if err := h.enterSupervisor(f.CgroupsPath); err != nil {
		return err
	}
	if err := h.removeLeftover(ctx, o); err != nil {
		return err
	}
	return h.copyCredentials(o.Name, f)
}

// startContainer has the runtime start the container and announces it.
//
// The launcher stays the main process until then: a stop that comes in between
// reaches it and not a half-made container.
func (h host) startContainer(ctx context.Context, o options, f facts) error {
	output, err := containerOutput(f)
	if err != nil {
		return err
	}
	defer output.Close()
	if err := h.runContainer(ctx, o, output); err != nil {
		return err
	}
	pid, err := readPID(o.PIDFile)
	if err != nil {
		return err
	}
	if err := h.awaitMainProcess(ctx, pid, o.Runtime); err != nil {
		return err
	}
	return announce(pid, f)
}

// announce makes pid the unit's main process.
func announce(pid int, f facts) error {
	state := "MAINPID=" + strconv.Itoa(pid)
	if !f.Notifies {
		state += "\n" + daemon.SdNotifyReady
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("telling systemd the container's pid: %w", err)
	}
	return nil
}

// readPID reads the pid that the runtime wrote.
func readPID(file string) (int, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("reading the container's pid: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("reading the container's pid: %s holds %q", file, data)
	}
	return pid, nil
}

// removeLeftover removes what an unclean stop left of a container of this
// name. Looking for its state first saves running the runtime, which takes
// longer than all of the launcher. A runtime that keeps its state elsewhere
// refuses the first start, and cleanUp then helps the second.
func (h host) removeLeftover(ctx context.Context, o options) error {
	if err := os.Remove(o.PIDFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the old pid file: %w", err)
	}
	if !exists(h.stateDir(o)) {
		return nil
	}
	if err := h.removeContainer(ctx, o); err != nil {
		return fmt.Errorf("removing the leftover container %q: %w", o.Name, err)
	}
	return nil
}

// cleanUp takes away what a start that failed or was stopped has left. It runs
// although ctx may be cancelled.
func (h host) cleanUp(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	err := h.removeContainer(ctx, o)
	if removeErr := os.Remove(o.PIDFile); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}

// removeContainer removes the container in whatever state it is. crun cannot
// delete one of which a killed crun has written only half the state, and would
// refuse to start it ever after; of such a one the state is all there is.
func (h host) removeContainer(ctx context.Context, o options) error {
	err := h.deleteContainer(ctx, o)
	state := h.stateDir(o)
	if err == nil || ctx.Err() != nil || !exists(state) {
		return err
	}
	if removeErr := os.RemoveAll(state); removeErr != nil {
		return errors.Join(err, removeErr)
	}
	return nil
}

// stateDir is where the runtimes that we know keep what they know of a
// container: /run/runc/NAME, /run/crun/NAME.
func (h host) stateDir(o options) string {
	return filepath.Join(h.run, filepath.Base(o.Runtime), o.Name)
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// withCleanup keeps the error that matters in front, on one line.
func withCleanup(err, cleanup error) error {
	if cleanup == nil {
		return err
	}
	return fmt.Errorf("%w; then cleaning up: %s", err, oneLine(cleanup.Error()))
}
