package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// bringBack as first argument makes this program, as ExecStartPost= of a unit, start
// a service that requires the unit.
const bringBack = "--bring-back"

// enabledArgs is the command line that tells whether a service is enabled. With --root= systemctl
// looks into the files itself: systemd may be away, see startPatience.
func enabledArgs(service string) []string { return []string{"--root=/", "is-enabled", service} }

// startArgs is the command line that has systemd start a service. The service comes
// after the unit that this program is part of, which is not up yet: nobody waits.
func startArgs(service string) []string { return []string{"start", "--no-block", service} }

// startPatience is for how long a start is tried again. A systemd that executes itself anew, as it
// does when it or the C library is upgraded, takes no orders for up to a second. The unit of which
// this is the ExecStartPost= is not up until it ends, and must not run into its TimeoutStartSec=.
const startPatience = 5 * time.Second

const startPause = 100 * time.Millisecond

// bringServiceBack has systemd start the service that args name, if it is enabled. One
// that is not, or that is not there, is left alone, and that is no error.
//
// Where nobody can say whether it is, it is started, and that is an error: that the
// container is installed speaks for it, and a node that stays dead until the morning costs
// more than one on which something runs that somebody had disabled.
func (h host) bringServiceBack(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s needs a service", bringBack)
	}
	enabled, unknown := h.isEnabled(ctx, args[0])
	if unknown == nil && !enabled {
		return nil
	}
	err := h.start(ctx, args[0])
	switch {
	case errors.Is(err, errNotThere):
		return nil
	case err != nil:
		return fmt.Errorf("bringing %s back: %w", args[0], err)
	case unknown != nil:
		return fmt.Errorf("%s was brought back without knowing whether it is enabled: %w", args[0], unknown)
	}
	return nil
}

// isEnabled reports whether a service is enabled. systemctl fails also when it is not, and then
// says in a word what it is: "disabled", "masked", "not-found". After an error it is not known.
func (h host) isEnabled(ctx context.Context, service string) (bool, error) {
	word, err := h.systemctl(ctx, enabledArgs(service))
	if err == nil {
		return true, nil
	}
	if word != "" {
		return false, nil
	}
	return false, fmt.Errorf("systemctl is-enabled: %w", err)
}

// errNotThere says that systemd has no such service. When it is asked whether one is enabled, the
// systemctl of systemd 252 has no word for that.
var errNotThere = errors.New("it is not there")

const exitNotThere = 5 // of systemctl

// start has systemd start a service, and tries again while that cannot be had. The error is
// errNotThere when there is none.
func (h host) start(ctx context.Context, service string) error {
	for end := time.Now().Add(h.patience); ; time.Sleep(startPause) {
		_, err := h.systemctl(ctx, startArgs(service))
		exit, ok := errors.AsType[*exec.ExitError](err)
		switch {
		case err == nil:
			return nil
		case ok && exit.ExitCode() == exitNotThere:
			return errNotThere
		case ctx.Err() != nil || time.Now().After(end):
			return fmt.Errorf("systemctl start: %w", err)
		}
	}
}

// systemctl runs a command of systemd's and returns what it printed; the error has what it
// complained about. It must not find NOTIFY_SOCKET: it says there how it ended, and is gone before
// systemd can tell whose word that was.
func (h host) systemctl(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Env = runtimeEnv(h.environ)
	output, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w (%s)", err, oneLine(string(exit.Stderr)))
	}
	return oneLine(string(output)), err
}
