package hosttest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
)

// Runner is a machine that runs commands, whatever kind of machine it is.
type Runner interface {
	Run(ctx context.Context, argv ...string) (host.Result, error)
	Output(ctx context.Context, argv ...string) (string, error)
}

// Commands are what a test does on a machine. Its methods stop the test when they fail.
type Commands struct {
	runner   Runner
	t        testing.TB
	patience time.Duration
}

// On returns the commands of a test on a machine, each of which has as much time as patience says.
func On(t testing.TB, machine Runner, patience time.Duration) Commands {
	return Commands{runner: machine, t: t, patience: patience}
}

// command is the time that a command has: also in a test's cleanup, when the test's own context is over.
func (c Commands) command() (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(c.t.Context())
	return context.WithTimeoutCause(ctx, c.patience, fmt.Errorf("not done within %v", c.patience))
}

// Must runs a command that has to succeed, and returns its standard output without the last newline.
func (c Commands) Must(argv ...string) string {
	c.t.Helper()
	ctx, cancel := c.command()
	defer cancel()
	out, err := c.runner.Output(ctx, argv...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// Try runs a command and returns how it ended.
func (c Commands) Try(argv ...string) host.Result {
	c.t.Helper()
	ctx, cancel := c.command()
	defer cancel()
	result, err := c.runner.Run(ctx, argv...)
	if err != nil {
		c.t.Fatal(err)
	}
	return result
}

// Eventually repeats a command until it succeeds, for a quarter of the time that one has, and returns its standard
// output as Must does.
func (c Commands) Eventually(argv ...string) string {
	c.t.Helper()
	for begin := time.Now(); time.Since(begin) < c.patience/4; time.Sleep(100 * time.Millisecond) {
		if result := c.Try(argv...); result.Code == 0 {
			return strings.TrimSuffix(result.Stdout, "\n")
		}
	}
	return c.Must(argv...)
}

// Property is what systemd says of a unit.
func (c Commands) Property(unit, name string) string {
	c.t.Helper()
	return c.Must("systemctl", "show", "--property="+name, "--value", unit)
}
