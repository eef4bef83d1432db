package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
)

// Health is what a container is found to be that has a health check.
type Health struct {
	Name    string                  `json:"name"`
	Healthy bool                    `json:"healthy"`
	Error   string                  `json:"error,omitempty"` // of the check that failed
	Check   *deployment.HealthCheck `json:"check"`
}

// CheckHealth runs the health check of a container once. When it fails, the result is
// there with the error. ErrNoHealthCheck and ErrNotRunning are wrapped.
func (in *Installer) CheckHealth(ctx context.Context, name string) (*Health, error) {
	return in.health(ctx, name, in.probe)
}

// AwaitHealth waits until a container is healthy, as long as its health check has
// patience; see CheckHealth.
func (in *Installer) AwaitHealth(ctx context.Context, name string) (*Health, error) {
	return in.health(ctx, name, in.awaitHealth)
}

func (in *Installer) health(ctx context.Context, name string, check func(context.Context, *deployment.Record) error) (*Health, error) {
	record, err := in.currentRecord(name)
	if err == nil && record.HealthCheck == nil {
		err = hint.Add(fmt.Errorf("container %q has %w", name, ErrNoHealthCheck),
			"an image says how to check it: healthCheck in manifest.json, or HEALTHCHECK of one that knows nothing of syscontainer")
	}
	if errors.Is(err, ErrNotInstalled) {
		err = cmp.Or(in.checkKnown(name), err)
	}
	if err == nil {
		_, err = in.running(ctx, record)
	}
	if err != nil {
		return nil, err
	}
	health := &Health{Name: name, Healthy: true, Check: record.HealthCheck}
	if err = check(ctx, record); err != nil {
		health.Healthy, health.Error = false, err.Error()
	}
	return health, err
}

// awaitHealth runs the health check of a deployment that runs until it succeeds. It
// fails with the last check when so many in a row have failed as the health check says,
// after its start period. A deployment without a health check is healthy.
func (in *Installer) awaitHealth(ctx context.Context, record *deployment.Record) error {
	check := record.HealthCheck
	if check == nil {
		return nil
	}
	begin := time.Now()
	for failures := 0; ; {
		err := in.probe(ctx, record)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if time.Since(begin) >= time.Duration(check.StartPeriod) {
			failures++
		}
		if failures >= check.Retries {
			return err
		}
		in.Log.Info("a health check failed", "container", record.Name, "error", err)
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(time.Duration(check.Interval)):
		}
	}
}

// probe runs the health check of a deployment that runs once.
func (in *Installer) probe(ctx context.Context, record *deployment.Record) error {
	check := record.HealthCheck
	process, err := in.process(in.Paths.Deployment(record.Name, record.Deployment), runcspec.ExecOptions{Args: check.Exec})
	if err != nil {
		return fmt.Errorf("checking the health of %s: %w", record.Name, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(check.Timeout), fmt.Errorf("not done within %s", check.Timeout))
	defer cancel()
	if err := in.Containers.Probe(ctx, record.Runtime, record.Name, process); err != nil {
		return fmt.Errorf("checking the health of %s: %w", record.Name, err)
	}
	return nil
}
