package main

import (
	"context"
	"errors"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/unitgen/sysd"
)

// units is what both a running systemd and one that does not run can do.
type units interface {
	Ready() error
	Reload(ctx context.Context) error
	Enable(ctx context.Context, units []string) error
	Disable(ctx context.Context, units []string) error
	Start(ctx context.Context, unit string) error
	Restart(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	Tmpfiles(ctx context.Context, file string) error
	Status(ctx context.Context, unit string) (sysd.Status, error)
	States(ctx context.Context, units []string) (map[string]sysd.State, error)
	Journal(ctx context.Context, unit string, lines int) []string
	Close()
}

// connectUnits returns the systemd of the tree: the running one only for the
// tree that it runs.
func connectUnits(ctx context.Context, tree *hosttree.Tree) units {
	if !tree.IsHost() {
		return sysd.NewOffline(tree.Root(), sysd.Exec)
	}
	if manager, runs := sysd.Connect(ctx); runs {
		return manager
	}
	return sysd.NewOffline("", sysd.Exec)
}

// services shows a systemd to package install.
type services struct{ units }

func (s services) Status(ctx context.Context, unit string) (install.Status, error) {
	status, err := s.units.Status(ctx, unit)
	if errors.Is(err, sysd.ErrNotRunning) {
		return install.Status{}, nil
	}
	if err != nil {
		return install.Status{}, err
	}
	return install.Status{
		Active: status.Active, Sub: status.Sub, Result: status.Result, MainPID: status.MainPID,
		FileState: status.FileState, StatusText: status.StatusText, Since: status.Since,
		Type: status.Type, Restarts: status.Restarts, StartTimeout: status.StartTimeout,
	}, nil
}

func (s services) States(ctx context.Context, names []string) (map[string]install.Status, error) {
	states, err := s.units.States(ctx, names)
	if errors.Is(err, sysd.ErrNotRunning) {
		return nil, nil
	}
	statuses := make(map[string]install.Status, len(states))
	for name, state := range states {
		statuses[name] = install.Status{Active: state.Active, FileState: state.File}
	}
	return statuses, err
}

func (s services) Start(ctx context.Context, unit string) error {
	err := s.units.Start(ctx, unit)
	if errors.Is(err, sysd.ErrNotRunning) {
		return hint.Add(err, "when the host runs: systemctl start %s", unit)
	}
	return err
}
