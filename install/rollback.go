package install

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// RollbackRequest is what a user asks of Rollback. The zero value goes back to the
// deployment that was current before.
type RollbackRequest struct {
	To   int           // a deployment; 0 is the one that was current before
	Soak time.Duration // see [UpdateRequest]
	// DryRun plans, and changes nothing.
	DryRun bool
}

// Rollback brings a container to a deployment that it has already. It is done as an
// update is, and undone by another rollback.
func (in *Installer) Rollback(ctx context.Context, name string, req RollbackRequest) (*Result, error) {
	var result *Result
	err := in.onCurrent(ctx, name, func(from *deployment.Record) (err error) {
		result, err = in.rollback(ctx, from, req)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rolling back %s: %w", name, err)
	}
	return result, nil
}

func (in *Installer) rollback(ctx context.Context, from *deployment.Record, req RollbackRequest) (*Result, error) {
	to, err := in.rollbackTarget(from, req.To)
	if err != nil {
		return nil, err
	}
	if to.Deployment == from.Deployment {
		return &Result{Name: from.Name, Present: true, Record: from}, nil
	}
	if err := in.checkOwnUnits(from); err != nil {
		return nil, err
	}
	plan := &deployment.Plan{From: from, To: to}
	if err := in.outline(ctx, from.Name, plan, nil); err != nil {
		return nil, err
	}
	result := &Result{Name: from.Name, Changed: true, Record: plan.Shown(to), From: plan.Shown(from)}
	if req.DryRun {
		return preview(result, plan), nil
	}
	t := transitionOf(from.Name, plan)
	t.Soak = req.Soak
	if result.Kept, err = in.change(ctx, t); err != nil {
		return nil, err
	}
	in.retirePlanned(ctx, from.Name, plan)
	return result, nil
}

// rollbackTarget is the record of the deployment to go back to, which must still
// have its place on the host.
func (in *Installer) rollbackTarget(from *deployment.Record, n int) (*deployment.Record, error) {
	numbers, err := in.deploymentNumbers(from.Name)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		if n, err = in.previous(from.Name, from); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("there is no deployment but the current one, %d", from.Deployment)
	}
	if !slices.Contains(numbers, n) {
		var there []string
		for _, n := range numbers {
			there = append(there, strconv.Itoa(n))
		}
		return nil, hint.Add(fmt.Errorf("there is no deployment %d", n), "there are: %s", strings.Join(there, ", "))
	}
	to, err := in.readRecord(from.Name, n)
	if err != nil {
		return nil, err
	}
	return to, in.checkPlaces(from, to)
}

// checkPlaces refuses to go from one deployment to another of which another container has
// a file by now, or where something else stands in the way of one.
func (in *Installer) checkPlaces(from, to *deployment.Record) error {
	owners, err := in.owners(from.Name)
	if err != nil {
		return err
	}
	facts := deployment.Facts{Tree: in.Tree}
	before := from.FilesByPath()
	for _, f := range to.Files {
		if owner := owners[f.Path]; owner != "" && owner != to.Name && f.Kind != deployment.Directory {
			return fmt.Errorf("%s belongs to the container %s", f.Path, owner)
		}
		look := in.Tree.Stat
		if f.Kind == deployment.Symlink {
			look = in.Tree.Lstat
		}
		info, err := look(f.Path)
		if err != nil || info.IsDir() == (f.Kind == deployment.Directory) {
			continue
		}
		if facts.Changed == nil { // all files are read for that, and few rollbacks need it
			if facts.Changed, err = in.changedFiles(from); err != nil {
				return err
			}
		}
		if !facts.MakesWay(before, f) {
			return hint.Add(fmt.Errorf("%s is to be a %s, and something else is there", f.Path, f.Kind), "move it away, and repeat the command")
		}
	}
	return nil
}
