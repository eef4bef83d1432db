// Package install is the lifecycle of system containers: what it means that one
// is installed, and how a host gets there and back.
//
// Every change is compiled first and executed afterwards. Facts are gathered by
// reading, compile turns them and the request into a Plan without touching
// anything, stage makes a new deployment that nobody sees, and converge brings
// the host to it in small steps that can be repeated. The package knows neither
// libostree nor D-Bus nor terminals; it declares the interfaces it needs.
package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// Images is the image store, as the lifecycle sees it.
type Images interface {
	// Pull makes the image available. After an error nothing of it is stored.
	Pull(ctx context.Context, reference string) (deployment.Image, error)
	// Look asks which image the reference leads to now, and fetches nothing of it.
	Look(ctx context.Context, reference string) (digest.Digest, error)
	// Undo undoes the Pull that returned the image.
	Undo(ctx context.Context, image deployment.Image) error
	// Find looks an image up that is in the store: by reference, name or ID.
	Find(ctx context.Context, reference string) (deployment.Image, error)
	// Files is a read-only view of an image, for the caller to close. FileInfo.Sys()
	// implements Owner.
	Files(ctx context.Context, commit string) (ImageFiles, error)
	// Checkout makes dir, on disk, a tree of hard links to the image's files.
	Checkout(ctx context.Context, commit, dir string) error
	// Hold keeps a commit from being pruned for as long as name holds it.
	Hold(ctx context.Context, name, commit string) error
	// Release ends what Hold began. It is no error when nothing is held.
	Release(ctx context.Context, name string) error
	// Held lists the names of all holds.
	Held(ctx context.Context) ([]string, error)
	// VerifyCheckouts compares directories with the images that they were made of,
	// and these with their checksums. The reports are in the order of the trees; an
	// error says that none could be looked at.
	VerifyCheckouts(ctx context.Context, trees []CheckedOut) ([]Checked, error)
	// Refetch fetches the named objects of an image anew, and returns those that are
	// sound now, also with an error.
	Refetch(ctx context.Context, image deployment.ImageRef, objects []string) ([]string, error)
	// Sweep removes what commands that were killed left in the store.
	Sweep(ctx context.Context) error
}

// ImageFiles are the files of an image. What was opened from them stays open when they
// are closed.
type ImageFiles interface {
	fs.FS
	io.Closer
}

// Services is systemd, running or not.
type Services interface {
	// Ready waits until systemd can be asked, and tells why it cannot.
	Ready() error
	Reload(ctx context.Context) error
	Enable(ctx context.Context, units []string) error
	Disable(ctx context.Context, units []string) error
	Start(ctx context.Context, unit string) error
	// Restart stops a unit, if it runs, and starts it as Start does.
	Restart(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	// Tmpfiles applies a tmpfiles.d file.
	Tmpfiles(ctx context.Context, file string) error
	Status(ctx context.Context, unit string) (Status, error)
	// States is Status of many units at once, by name: Active and FileState, and no more.
	States(ctx context.Context, units []string) (map[string]Status, error)
	// Journal returns the last lines that the unit logged, for an error message.
	Journal(ctx context.Context, unit string, lines int) []string
}

// Status is what systemd says of a unit, in its own words. All of it is empty
// where systemd does not run.
type Status struct {
	Active     string // active, inactive, failed, activating…
	Sub        string
	Result     string
	MainPID    int
	FileState  string // enabled, disabled…
	StatusText string // what the service says of itself
	Since      time.Time
	Type       string // of a service: notify, oneshot…
	Restarts   int    // how often it was brought back since it was started
	// StartTimeout is how long it may take to become ready; 0 is without limit.
	StartTimeout time.Duration
}

// Installer changes and describes one host.
type Installer struct {
	Tree       *hosttree.Tree
	Paths      deployment.Paths
	Host       deployment.Host
	Images     Images
	Services   Services
	Containers Containers
	Mounter    Mounter
	Runtime    string // the configured OCI runtime; "" takes the first that is there
	// WaitLock is how long to wait for another writer: 0 fails at once, WaitForever
	// is without limit. Who only reads never waits.
	WaitLock time.Duration
	Boot     string // identifies the boot of the machine
	Keep     int    // how many deployments a container keeps; at least 2
	Log      *slog.Logger
	Now      func() time.Time
	NewUUID  func() string
}

// Result is what a change came to.
type Result struct {
	Name     string             `json:"name"`
	Changed  bool               `json:"changed"`
	Present  bool               `json:"present"` // it was installed before
	Record   *deployment.Record `json:"record,omitempty"`
	From     *deployment.Record `json:"from,omitempty"` // the deployment before
	Plan     *deployment.Plan   `json:"plan,omitempty"` // of a dry run
	Warnings []string           `json:"warnings,omitempty"`
	Kept     []string           `json:"kept,omitempty"` // host files that the administrator changed
	Purged   []string           `json:"purged,omitempty"`
	Data     []string           `json:"data,omitempty"` // directories of data that an uninstall without a purge leaves
}

// Install makes the container of the request present. A container of that name
// that is there already is left as it is, and Result.Changed is false. An image that is
// made to be run is ErrRunsOnce, and stays in the store. After another error the host is as
// it was before.
func (in *Installer) Install(ctx context.Context, req deployment.Request) (*Result, error) {
	name, err := req.ContainerName()
	if err := errors.Join(err, req.Check(name)); err != nil {
		return nil, err
	}
	if err := in.checkHost(); err != nil {
		return nil, err
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := in.recoverOne(ctx, name); err != nil {
		return nil, err
	}
	if current, err := in.currentRecord(name); err == nil {
		return &Result{Name: name, Present: true, Record: current}, nil
	} else if !errors.Is(err, ErrNotInstalled) {
		return nil, brokenHint(name, fmt.Errorf("installing %s: %w", name, err))
	}
	return in.installNew(ctx, name, req)
}

func (in *Installer) installNew(ctx context.Context, name string, req deployment.Request) (*Result, error) {
	image, err := in.Images.Pull(ctx, req.Image)
	if err != nil {
		return nil, fmt.Errorf("installing %s: %w", name, err)
	}
	if image.RunsOnce() {
		return nil, hint.Add(fmt.Errorf("installing %s: %w", name, ErrRunsOnce), "syscontainer run %s", req.Image)
	}
	plan, err := in.planFirst(ctx, name, image, req)
	var kept []string
	if err == nil && !req.DryRun {
		kept, err = in.apply(ctx, plan, 0)
	}
	if err != nil || req.DryRun {
		err = errors.Join(err, in.Images.Undo(context.WithoutCancel(ctx), image))
	}
	if err != nil {
		return nil, fmt.Errorf("installing %s: %w", name, err)
	}
	for _, file := range kept {
		plan.Warnings = append(plan.Warnings, file+" appeared meanwhile and was left as it is")
	}
	result := &Result{Name: name, Changed: !req.DryRun, Record: plan.To, Warnings: plan.Warnings}
	if req.DryRun {
		result.Plan = plan
	}
	return result, nil
}

// apply stages what the plan's new deployment needs and converges the host to it.
// It undoes its own work when it does not get through. It returns the host files that
// it left as the administrator has them.
func (in *Installer) apply(ctx context.Context, plan *deployment.Plan, soak time.Duration) ([]string, error) {
	if plan.From != nil {
		if err := in.expect(plan.To); err != nil {
			return nil, err
		}
	}
	kept, err := in.stageAndChange(ctx, plan, soak)
	if err != nil {
		return nil, errors.Join(err, in.abandon(context.WithoutCancel(ctx), plan.To))
	}
	return kept, nil
}

func (in *Installer) stageAndChange(ctx context.Context, plan *deployment.Plan, soak time.Duration) ([]string, error) {
	if err := in.stage(ctx, plan); err != nil {
		return nil, err
	}
	t := transitionOf(plan.To.Name, plan)
	t.Soak = soak
	return in.change(ctx, t)
}

// Start starts the container's service and the units beside it that are made to be
// enabled, and returns when they are ready; what runs is left alone. The error has a
// hint: what Services says, or else the last lines of the unit's journal.
func (in *Installer) Start(ctx context.Context, name string) error {
	record, err := in.currentRecord(name)
	if err != nil {
		return err
	}
	for _, unit := range record.Startable() {
		if err := in.start(ctx, unit); err != nil {
			return err
		}
	}
	return nil
}

func (in *Installer) start(ctx context.Context, unit string) error {
	return in.explain(ctx, unit, in.Services.Start(ctx, unit))
}

// explain adds to the error of a unit that did not start what there is to know, unless
// something was said already.
func (in *Installer) explain(ctx context.Context, unit string, err error) error {
	var advised *hint.Error
	if err == nil || errors.As(err, &advised) {
		return err
	}
	return in.withJournal(ctx, unit, err)
}
