package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// runArgs is the command line that starts the container.
func runArgs(o options) []string {
	return []string{"run", "--detach", "--pid-file", o.PIDFile, "--bundle", o.Bundle, o.Name}
}

// deleteArgs is the command line that removes the container in any state.
func deleteArgs(o options) []string {
	return []string{"delete", "--force", o.Name}
}

// runtimeGrace is how long a runtime may go on after the start was broken off.
// One that is killed half-way leaves half-written state.
const runtimeGrace = 2 * time.Second

// runContainer returns when the container's process has been started and the
// runtime has exited. The container gets the launcher's standard input and output,
// so what it says and the runtime's complaints are in the journal under this unit.
func (h host) runContainer(ctx context.Context, o options, output *output) error {
	cmd := exec.CommandContext(ctx, o.Runtime, runArgs(o)...)
	cmd.Cancel = func() error { return nil } // it is done in milliseconds, normally
	cmd.WaitDelay = runtimeGrace
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, output.stdout, output.stderr
	err := h.startRuntime(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("starting container %q with %s: %w", o.Name, o.Runtime, err)
	}
	return nil
}

// deleteContainer kills the container and removes its state. Nothing to
// delete is no error. What the runtime says about it matters only when it
// failed.
func (h host) deleteContainer(ctx context.Context, o options) error {
	cmd := exec.CommandContext(ctx, o.Runtime, deleteArgs(o)...)
	cmd.Env = runtimeEnv(h.environ)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s delete: %w (%s)", o.Runtime, err, oneLine(string(output)))
	}
	return nil
}

// runtimeEnv is the environment without the variables that address the main
// process of the unit. The launcher is that process, not the runtime: a
// runtime that finds NOTIFY_SOCKET announces itself or mounts the socket its
// own way, and one that finds LISTEN_FDS passes descriptors on. The container
// gets its environment from config.json alone.
func runtimeEnv(environ []string) []string {
	private := []string{
		"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
		"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES",
		"FDSTORE", "MAINPID", "MANAGERPID", "SYSTEMD_EXEC_PID",
	}
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(private, name)
	})
}

// oneLine joins lines, for the journal.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
