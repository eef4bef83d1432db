package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// foregroundArgs is the command line that runs the container to its end.
func foregroundArgs(o options) []string {
	return []string{"run", "--pid-file", o.PIDFile, "--bundle", o.Bundle, o.Name}
}

// runToEnd starts the container and waits for its end, for a unit with Type=oneshot:
// the job is done when the container is. It returns the container's exit status. A
// signal that means "stop" goes on to the container, and systemd loses patience
// when nothing comes of it.
func (h host) runToEnd(ctx context.Context, o options) (int, error) {
	f, err := readFacts(o.Bundle)
	if err != nil {
		return exitFailed, err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, stopSignals()...)
	defer signal.Stop(stop)
	if err := h.makeRoom(ctx, o, f); err != nil {
		return exitFailed, err
	}
	if ctx.Err() != nil { // later signals are handed on
		return exitDone, errStopped
	}
	output, err := containerOutput(f)
	if err != nil {
		return exitFailed, err
	}
	cmd := exec.Command(o.Runtime, foregroundArgs(o)...) // not ended by ctx: the signal is handed on
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, output.stdout, output.stderr
	err = h.startRuntime(cmd)
	output.Close()
	if err != nil {
		return exitFailed, fmt.Errorf("starting container %q with %s: %w", o.Name, o.Runtime, err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		output.Drain() // what is yet to be handed on would end with this program
		ended <- err
	}()
	return h.awaitEnd(ctx, o, running{cmd.Process, stop, ended})
}

// running is a container with its runtime in the foreground.
type running struct {
	runtime *os.Process
	stop    <-chan os.Signal // to be handed on
	ended   <-chan error
}

// awaitEnd hands signals on until the container has ended.
func (h host) awaitEnd(ctx context.Context, o options, r running) (int, error) {
	stopped := exitDone // the status of a container that a signal of ours ended
	for {
		select {
		case s := <-r.stop:
			_ = r.runtime.Signal(s) // it may have ended just now
			if number, ok := s.(syscall.Signal); ok {
				stopped = signalStatus + int(number)
			}
		case err := <-r.ended:
			status, err := h.ended(ctx, o, err)
			if err == nil && status == stopped {
				return exitDone, nil
			}
			return status, err
		}
	}
}

// signalStatus is what runtimes add to the number of the signal that ended a container.
const signalStatus = 128

// ended tells how the container ended, and takes away what is left of it.
func (h host) ended(ctx context.Context, o options, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return exitFailed, withCleanup(fmt.Errorf("waiting for container %q: %w", o.Name, err), h.cleanUp(ctx, o))
	}
	if err := h.cleanUp(ctx, o); err != nil {
		return exitFailed, fmt.Errorf("cleaning up: %w", err)
	}
	return cmdStatus(exit), nil
}

// cmdStatus is the exit status; of a runtime that was killed, that of a failure.
func cmdStatus(exit *exec.ExitError) int {
	switch {
	case exit == nil:
		return exitDone
	case exit.ExitCode() < 0:
		return exitFailed
	}
	return exit.ExitCode()
}
