package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// UninstallRequest is what a user asks of Uninstall. The zero value leaves the data.
type UninstallRequest struct {
	Purge  bool // remove the data as well
	DryRun bool // plan, and change nothing
}

// Uninstall removes everything that installing name put onto the host: units,
// links, tmpfiles.d file, host files and deployments. Files that the administrator
// changed and the image in the store stay, and so does the data unless it is to be
// purged. It works on whatever half a state it finds, and can be repeated until it
// gets through. Without a store that can be asked it could not, and changes nothing.
func (in *Installer) Uninstall(ctx context.Context, name string, req UninstallRequest) (*Result, error) {
	if err := in.checkKnown(name); err != nil {
		return nil, err
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	plan, data, err := in.planUninstall(ctx, name, req)
	if err == nil {
		err = in.checkMoved(name)
	}
	if err != nil {
		return nil, fmt.Errorf("uninstalling %s: %w", name, err)
	}
	if req.DryRun {
		return &Result{Name: name, Plan: plan, Data: in.holding(data), Warnings: plan.Warnings}, nil
	}
	if _, err := in.Images.Held(ctx); err != nil {
		return nil, fmt.Errorf("uninstalling %s: %w", name, err)
	}
	kept, err := in.uninstall(ctx, name, plan.Purges)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("uninstalling %s: %w", name, err),
			"what is left is removed when the command is repeated")
	}
	return &Result{Name: name, Changed: true, Kept: kept, Purged: plan.Purges, Data: in.holding(data), Warnings: plan.Warnings}, nil
}

// planUninstall also returns the directories of data that stay.
func (in *Installer) planUninstall(ctx context.Context, name string, req UninstallRequest) (plan *deployment.Plan, data []string, err error) {
	plan = &deployment.Plan{From: in.everything(name)}
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		return nil, nil, err
	}
	if req.DryRun { // nothing depends on it, and half a state may not allow it
		if err := in.outline(ctx, name, plan, nil); err != nil {
			return nil, nil, err
		}
	}
	plan.Retires = numbers
	if req.Purge {
		plan.Purges, plan.Warnings = in.dataOf(name, numbers, in.checkPurge)
		return plan, nil, nil
	}
	data, _ = in.dataOf(name, numbers, in.checkData)
	return plan, data, nil
}

// checkKnown refuses a name of which the host has nothing.
func (in *Installer) checkKnown(name string) error {
	names, err := in.containerNames()
	if err != nil {
		return err
	}
	if slices.Contains(names, name) {
		return nil
	}
	err = fmt.Errorf("container %q is %w", name, ErrNotInstalled)
	if len(names) > 0 {
		return hint.Add(err, "installed are: %s", strings.Join(names, ", "))
	}
	return err
}

// uninstall has one way only: forward. A crash leaves what is still to be
// removed, and the pending change says so where there was room to write it down.
func (in *Installer) uninstall(ctx context.Context, name string, purges []string) ([]string, error) {
	if err := in.beginUninstall(name, purges); err != nil {
		return nil, err
	}
	from := in.everything(name)
	if err := in.sweep(from); err != nil {
		return nil, err
	}
	kept, err := in.converge(ctx, transition{Name: name, From: from})
	if err != nil {
		return nil, err
	}
	if err := in.purge(name, purges); err != nil {
		return nil, err
	}
	return kept, in.removeState(ctx, name)
}

// beginUninstall writes down that the container goes. A full disk is no reason to stop:
// it is why people uninstall, and what is half removed can be removed once more.
func (in *Installer) beginUninstall(name string, purges []string) error {
	last, err := in.lastDeployment(name)
	if err != nil || last == 0 {
		return err
	}
	err = in.begin(transition{Name: name, From: &deployment.Record{Head: deployment.Head{Deployment: last}}, Purges: purges})
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		in.Log.Warn("no room to write down what is removed; if this is interrupted, repeat it", "container", name, "error", err)
		return nil
	}
	return err
}

// everything is the union of what any deployment of the container put onto the
// host, so that nothing is left of an interrupted change either.
func (in *Installer) everything(name string) *deployment.Record {
	all := &deployment.Record{Head: deployment.Head{Name: name}}
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		in.Log.Warn("looking for deployments", "container", name, "error", err)
	}
	for _, n := range numbers {
		record, err := in.readRecord(name, n)
		if err != nil {
			in.Log.Warn("a deployment has no readable record; only its units and drop-ins are removed",
				"container", name, "deployment", n, "error", err)
			record = in.guessRecord(name, n)
		}
		all.Unit = cmp.Or(record.Unit, all.Unit)
		all.Units = union(all.Units, record.Units)
		all.PIDFile = cmp.Or(record.PIDFile, all.PIDFile)
		all.Files = append(all.Files, record.Files...)
	}
	if len(numbers) == 0 {
		in.Log.Warn("no deployment is left; only the unit and its drop-ins are removed", "container", name)
		guess := in.guessFromHost(name)
		all.Unit, all.Files = guess.Unit, guess.Files
	}
	// Parents before their children, and each version of a file once.
	slices.SortStableFunc(all.Files, func(a, b deployment.HostFile) int { return strings.Compare(a.Path, b.Path) })
	all.Files = slices.Compact(all.Files)
	return all
}

// union appends the units that are not in the list yet.
func union(units, more []deployment.UnitRef) []deployment.UnitRef {
	for _, unit := range more {
		if !slices.ContainsFunc(units, func(u deployment.UnitRef) bool { return u.Name == unit.Name }) {
			units = append(units, unit)
		}
	}
	return units
}

// checkMoved refuses a container of which the directory is a link into the state of others:
// what was removed there would be theirs. A link to another disk is how one is moved.
func (in *Installer) checkMoved(name string) error {
	place := in.Paths.Container(name)
	if info, err := in.Tree.Lstat(place); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return nil //nolint:nilerr // there is no link
	}
	link, err := in.Tree.Path(place) // below --root, rm needs that as well
	if err != nil {
		return err
	}
	to, err := in.Tree.Follow(place)
	if err != nil {
		return err
	}
	for _, dir := range []string{in.Paths.State, in.Paths.Containers()} {
		others, err := in.Tree.Follow(dir)
		if err != nil {
			return err
		}
		if deployment.IsWithin(to, others) || deployment.IsWithin(others, to) {
			return hint.Add(fmt.Errorf("%s is a link to %s, where the state of others is", link, to), "remove the link, with: rm %s", link)
		}
	}
	return nil
}

// removeState removes the container's directory, the pending change last. Where that is a
// link, only what is ours goes from where it leads.
func (in *Installer) removeState(ctx context.Context, name string) error {
	holds, err := in.Images.Held(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, hold := range holds { // of deployments that were never complete as well
		if path.Dir(hold) == name {
			errs = append(errs, in.Images.Release(ctx, hold))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	own := []string{in.Paths.Deployments(name), in.Paths.Current(name), in.Paths.History(name), in.Paths.Pending(name)}
	if err := in.Tree.Sweep(own...); err != nil {
		return err
	}
	for _, p := range append(own, in.Paths.Container(name)) {
		if err := in.Tree.RemoveAll(p); err != nil {
			return err
		}
	}
	return in.Tree.Sync(in.Paths.State)
}
