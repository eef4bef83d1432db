package sysd

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
)

// done is the result of a job that went well.
const done = "done"

// enqueue is a method of a connection that makes systemd begin a job and
// send its result to the channel.
type enqueue func(conn *dbus.Conn, ctx context.Context, unit, mode string, result chan<- string) (int, error)

// Start starts a unit and waits until it is up: for a service that notifies,
// until it says READY. A unit that is up is left alone. Failures from before
// do not count against it. The error is a *JobError when the unit could not be
// started; systemd may go on trying then, if the unit says Restart=, until
// Stop. When ctx ends, so does the waiting, but not the job.
func (m *Manager) Start(ctx context.Context, unit string) error {
	if err := m.forgetFailures(ctx, unit); err != nil {
		return err
	}
	return m.job(ctx, "starting", unit, (*dbus.Conn).StartUnitContext)
}

// Restart stops a unit, if it is up, and starts it as Start does.
func (m *Manager) Restart(ctx context.Context, unit string) error {
	if err := m.forgetFailures(ctx, unit); err != nil {
		return err
	}
	return m.job(ctx, "restarting", unit, (*dbus.Conn).RestartUnitContext)
}

// Stop stops a unit and waits until it is down. A unit that is down, or that
// systemd does not know, is fine. A unit that had to be killed is stopped, too.
// That it ever failed is forgotten: it would outlive the unit's file.
func (m *Manager) Stop(ctx context.Context, unit string) error {
	err := m.job(ctx, "stopping", unit, (*dbus.Conn).StopUnitContext)
	if isUnknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.forgetFailures(ctx, unit)
}

// forgetFailures resets the unit's start limit, which is there for loops and
// not for people who repair something and try again.
func (m *Manager) forgetFailures(ctx context.Context, unit string) error {
	conn, err := m.connection()
	if err != nil {
		return err
	}
	err = conn.ResetFailedUnitContext(ctx, unit)
	if err != nil && !isUnknown(err) {
		return fmt.Errorf("forgetting earlier failures of %s: %w", unit, err)
	}
	return nil
}

// job begins a job and waits for its end. A job that waits in the queue is
// replaced, as systemctl does it.
func (m *Manager) job(ctx context.Context, verb, unit string, begin enqueue) error {
	conn, err := m.connection()
	if err != nil {
		return err
	}
	result := make(chan string, 1) // the connection must never wait for us
	if _, err := begin(conn, ctx, unit, "replace", result); err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	outcome, err := await(ctx, conn, result)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	case outcome != done:
		return m.jobError(ctx, verb, unit, outcome)
	default:
		return nil
	}
}

// await waits for a job's result, which never comes when the connection breaks
// (PID 1 executes itself anew).
func await(ctx context.Context, conn *dbus.Conn, result <-chan string) (string, error) {
	check := time.NewTicker(time.Second)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case outcome := <-result:
			return outcome, nil
		case <-check.C:
			if !conn.Connected() {
				return "", errDisconnected
			}
		}
	}
}

// jobError adds the state of the unit, as far as systemd tells it.
func (m *Manager) jobError(ctx context.Context, verb, unit, outcome string) error {
	status, err := m.Status(ctx, unit)
	if err != nil {
		status = Status{}
	}
	return &JobError{Verb: verb, Unit: unit, Job: outcome, Status: status}
}
