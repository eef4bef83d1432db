package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
)

// Containers are the containers that run, as their OCI runtimes know them. A runtime is
// the path of one, as a record has it.
type Containers interface {
	// State says of a container whether it runs, and from which bundle. ErrNotRunning
	// is wrapped when the runtime does not know it.
	State(ctx context.Context, runtime, container string) (ContainerState, error)
	// Probe runs a process in a container that runs, and waits for its end. The process
	// is the JSON of the runtime specification's. The error says how it failed, with the
	// last line of its output; when ctx ends, the process is killed.
	Probe(ctx context.Context, runtime, container string, process []byte) error
}

// ContainerState is what a runtime says of a container.
type ContainerState struct {
	Running bool
	Bundle  string // on disk: the deployment that runs
}

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

// running looks at a container that has to run.
func (in *Installer) running(ctx context.Context, record *deployment.Record) (ContainerState, error) {
	if record.Runtime == "" {
		return ContainerState{}, fmt.Errorf("container %q only brings files and units: there is %w", record.Name, ErrNotRunning)
	}
	state, err := in.Containers.State(ctx, record.Runtime, record.Name)
	if err == nil && !state.Running {
		err = ErrNotRunning
	}
	if errors.Is(err, ErrNotRunning) {
		err = hint.Add(fmt.Errorf("container %q is %w", record.Name, ErrNotRunning), "start it with: systemctl start %s", record.Name)
	}
	return state, err
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

// process makes a further process for the container of a deployment, as JSON.
func (in *Installer) process(bundle string, o runcspec.ExecOptions) ([]byte, error) {
	data, err := in.Tree.ReadFile(path.Join(bundle, deployment.ConfigFile))
	if err != nil {
		return nil, err
	}
	var spec specs.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return nil, err
	}
	process, err := runcspec.ExecProcess(&spec, o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(process)
}
