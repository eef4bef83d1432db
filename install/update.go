package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// UpdateRequest is what a user asks of Update. The zero value takes the image that
// the reference leads to now.
type UpdateRequest struct {
	deployment.Changes
	Soak  time.Duration // how long a service that is ready must stay up to be kept
	Retry bool          // also an image that failed before
	// LeaveRolledBack makes it a RolledBackError when the administrator went back to what
	// is there; otherwise he wants to go on from it.
	LeaveRolledBack bool
	DryRun          bool // plan, and change nothing
}

// Update brings a container to a new deployment: of the image that its reference
// leads to now, with what the user set before and the changes of the request. When
// all of that is there already, Result.Changed is false. A service that runs is
// restarted, and has to become ready; one that does not run is not started. After an
// error the old deployment is there, and runs if it did.
func (in *Installer) Update(ctx context.Context, name string, req UpdateRequest) (*Result, error) {
	var result *Result
	err := in.onCurrent(ctx, name, func(from *deployment.Record) (err error) {
		result, err = in.update(ctx, from, req)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("updating %s: %w", name, err)
	}
	return result, nil
}

// onCurrent does something about the current deployment of a container, as the only
// writer on this host.
func (in *Installer) onCurrent(ctx context.Context, name string, do func(current *deployment.Record) error) error {
	if err := in.checkHost(); err != nil {
		return err
	}
	if err := in.checkKnown(name); err != nil {
		return err
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := in.recoverOne(ctx, name); err != nil {
		return err
	}
	current, err := in.currentRecord(name)
	if errors.Is(err, ErrNotInstalled) {
		return err
	}
	if err != nil {
		return brokenHint(name, err)
	}
	return do(current)
}

func (in *Installer) update(ctx context.Context, from *deployment.Record, req UpdateRequest) (*Result, error) {
	if req.LeaveRolledBack {
		if err := in.checkRolledBack(from); err != nil {
			return nil, err
		}
	}
	secrets, err := in.secretsOf(from)
	if err != nil {
		return nil, err
	}
	next, err := from.Next(req.Changes, secrets)
	if err != nil {
		return nil, err
	}
	reference := cmp.Or(req.Image, from.Image.Reference)
	if err := in.lookAhead(ctx, from.Name, reference, req); err != nil {
		return nil, err
	}
	image, err := in.Images.Pull(ctx, reference)
	if err != nil {
		return nil, err
	}
	result, err := in.updateTo(ctx, from, image, next, req)
	if err != nil || req.DryRun {
		err = errors.Join(err, in.Images.Undo(context.WithoutCancel(ctx), image))
	}
	return result, err
}

// lookAhead keeps an image that failed before from being pulled again and again.
func (in *Installer) lookAhead(ctx context.Context, name, reference string, req UpdateRequest) error {
	h, err := in.readHistory(name)
	if err != nil || len(h.Bad) == 0 || req.Retry {
		return err
	}
	digest, err := in.Images.Look(ctx, reference)
	if err != nil {
		return err
	}
	return in.checkKnownBad(name, digest.String())
}

func (in *Installer) updateTo(ctx context.Context, from *deployment.Record, image deployment.Image, next deployment.Request, req UpdateRequest) (*Result, error) {
	plan, err := in.planNext(ctx, from, image, next)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		result := &Result{Name: from.Name, Present: true, Record: from}
		if req.DryRun {
			return result, nil
		}
		return result, in.goOn(from.Name)
	}
	if err := in.checkOwnUnits(from); err != nil {
		return nil, err
	}
	result := &Result{Name: from.Name, Changed: true, Record: plan.To, From: plan.Shown(from), Warnings: plan.Warnings}
	if req.DryRun {
		return preview(result, plan), nil
	}
	if result.Kept, err = in.apply(ctx, plan, req.Soak); err != nil {
		return nil, err
	}
	in.retirePlanned(ctx, from.Name, plan)
	return result, nil
}

// retirePlanned removes deployments when a change has got through: what is left is
// removed with the next one.
func (in *Installer) retirePlanned(ctx context.Context, name string, plan *deployment.Plan) {
	if err := in.retire(context.WithoutCancel(ctx), name, plan.Retires); err != nil {
		in.Log.Warn("removing old deployments", "container", name, "error", err)
	}
}

// checkOwnUnits refuses to go on from units that somebody edited: they would go on to
// run the deployment that they name.
func (in *Installer) checkOwnUnits(r *deployment.Record) error {
	var errs []error
	files := []string{deployment.DropInPath(r.Name)}
	for _, unit := range r.UnitNames() {
		files = append(files, deployment.UnitFile(unit))
	}
	for _, file := range files {
		f, ours := r.File(file)
		if !ours {
			continue
		}
		state, err := in.compare(f)
		if err == nil && state == different {
			err = fmt.Errorf("%s was changed by somebody else", file)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return hint.Add(err, "put changes of your own into a drop-in, with: systemctl edit %[1]s\nthen put back what was installed, with: syscontainer verify --repair %[1]s", r.Name)
	}
	return nil
}
