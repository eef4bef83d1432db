package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// bringBack as first argument makes this program, as ExecStartPost= of a unit, start
// a service that requires the unit.
const bringBack = "--bring-back"

// enabledArgs is the command line that tells whether a service is enabled.
func enabledArgs(service string) []string { return []string{"is-enabled", "--quiet", service} }

// startArgs is the command line that has systemd start a service. The service comes
// after the unit that this program is part of, which is not up yet: nobody waits.
func startArgs(service string) []string { return []string{"start", "--no-block", service} }

// bringServiceBack has systemd start the service that args name, if it is enabled. One
// that is not, or that is not there, is left alone, and that is no error.
func (h host) bringServiceBack(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s needs a service", bringBack)
	}
	err := h.systemctl(ctx, enabledArgs(args[0]))
	if _, disabled := errors.AsType[*exec.ExitError](err); disabled {
		return nil
	}
	if err == nil {
		err = h.systemctl(ctx, startArgs(args[0]))
	}
	if err != nil {
		return fmt.Errorf("bringing %s back: %w", args[0], err)
	}
	return nil
}

// systemctl runs a command of systemd's. It must not find NOTIFY_SOCKET: it says there how
// it ended, and is gone before systemd can tell whose word that was.
func (h host) systemctl(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Env = runtimeEnv(h.environ)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w (%s)", args[0], err, oneLine(string(output)))
	}
	return nil
}
