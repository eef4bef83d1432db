package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/ociruntime"
	"github.com/syscontainer/syscontainer/unitgen/sysd"
)

// containersOf returns the containers of the host that a systemd manages.
func containersOf(units units) install.Containers {
	if manager, runs := units.(*sysd.Manager); runs {
		return containers{manager: manager}
	}
	return noContainers{}
}

// containers shows the host's runtimes to package install.
type containers struct {
	ociruntime.System
	manager *sysd.Manager
}

func (c containers) State(ctx context.Context, runtime, container string) (install.ContainerState, error) {
	state, err := c.System.State(ctx, runtime, container)
	var refused *ociruntime.Error
	if errors.As(err, &refused) {
		err = fmt.Errorf("%w: %w", install.ErrNotRunning, err)
	}
	return install.ContainerState{Running: state.Status == "running", Bundle: state.Bundle}, err
}

// Run moves this program into the unit: what it starts is in there as well.
func (c containers) Run(ctx context.Context, runtime, container, bundle, unit string) (int, error) {
	if err := c.manager.Scope(ctx, unit, "the container "+container+", which runs once", os.Getpid()); err != nil {
		return 0, err
	}
	return c.System.Run(ctx, runtime, container, bundle)
}

// noContainers are those of a host that does not run.
type noContainers struct{}

func (noContainers) State(context.Context, string, string) (install.ContainerState, error) {
	return install.ContainerState{}, fmt.Errorf("looking for the container: %w", sysd.ErrNotRunning)
}

func (noContainers) Probe(context.Context, string, string, []byte) error { return sysd.ErrNotRunning }

func (noContainers) Enter(string, string, []byte) error { return sysd.ErrNotRunning }

func (noContainers) Run(context.Context, string, string, string, string) (int, error) {
	return 0, sysd.ErrNotRunning
}

// Delete does nothing: what was running when a host went down is gone.
func (noContainers) Delete(context.Context, string, string) error { return nil }
