package install

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

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
	// Enter runs a process in a container that runs in the place of this one, with its
	// input, output and signals. It returns only when that is impossible.
	Enter(runtime, container string, process []byte) error
	// Run runs the container of a bundle, a directory on disk, in a control group of the
	// unit, with this program's input, output and signals, and waits for its end. It
	// returns the exit status, 128 and the signal's number after one. When ctx has ended
	// before the container begins, that is the error; afterwards ctx means nothing.
	Run(ctx context.Context, runtime, container, bundle, unit string) (status int, err error)
	// Delete kills a container and removes what its runtime knows of it. It is no error
	// when that is nothing.
	Delete(ctx context.Context, runtime, container string) error
}

// ContainerState is what a runtime says of a container.
type ContainerState struct {
	Running bool
	Bundle  string // on disk: the deployment that runs
}

// Exec runs a process in a container that runs, in the place of this program: it returns
// only when that is impossible. User and group are those of the image that runs, which
// after an update is not always the newest; the options' Passwd and Group are not looked at.
func (in *Installer) Exec(ctx context.Context, name string, o runcspec.ExecOptions) error {
	record, err := in.currentRecord(name)
	if errors.Is(err, ErrNotInstalled) {
		run, readErr := in.runs().readRecord(name, onlyRun)
		if readErr != nil {
			return cmp.Or(in.checkKnown(name), err)
		}
		record, err = run, nil
	}
	if err != nil {
		return err
	}
	state, err := in.running(ctx, record)
	if err != nil {
		return err
	}
	if o.User != "" {
		if o.Passwd, o.Group, err = in.accounts(ctx, state.Bundle); err != nil {
			return fmt.Errorf("looking up the user %s of %s: %w", o.User, name, err)
		}
	}
	process, err := in.process(state.Bundle, o)
	if err != nil {
		return err
	}
	return in.Containers.Enter(record.Runtime, name, process)
}

// accounts are the passwd and group of the image from which a bundle was made.
func (in *Installer) accounts(ctx context.Context, bundle string) (passwd, group []byte, err error) {
	data, err := in.Tree.ReadFile(path.Join(bundle, deployment.RecordFile))
	if err != nil {
		return nil, nil, err
	}
	record, err := deployment.DecodeRecord(data)
	if err != nil {
		return nil, nil, err
	}
	files, err := in.Images.Files(ctx, record.Image.Commit)
	if err != nil {
		return nil, nil, err
	}
	defer files.Close()
	return deployment.Accounts(files)
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

// process makes a further process for the container of a deployment, as JSON.
func (in *Installer) process(bundle string, o runcspec.ExecOptions) ([]byte, error) {
	spec, err := in.readSpec(bundle)
	if err != nil {
		return nil, err
	}
	process, err := runcspec.ExecProcess(spec, o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(process)
}

// readSpec reads the config.json of a bundle.
func (in *Installer) readSpec(bundle string) (*specs.Spec, error) {
	data, err := in.Tree.ReadFile(path.Join(bundle, deployment.ConfigFile))
	if err != nil {
		return nil, err
	}
	var spec specs.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return nil, err
	}
	return &spec, nil
}
