package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// Recover finishes what an earlier run could not: a change that is under way is
// completed, half a deployment that nobody knows of is removed. It returns the
// names of the containers that it touched, also with an error.
func (in *Installer) Recover(ctx context.Context) ([]string, error) {
	if _, err := in.Tree.Lstat(in.Paths.State); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	names, err := in.containerNames()
	if err != nil {
		return nil, err
	}
	var touched []string
	var errs []error
	for _, name := range names {
		before := in.isUnsettled(name)
		if err := in.recoverOne(ctx, name); err != nil {
			errs = append(errs, err)
			continue
		}
		if before {
			touched = append(touched, name)
		}
	}
	return touched, errors.Join(append(errs, in.sweepMounts(), in.sweepRuns(ctx), in.releaseOrphans(ctx), in.Images.Sweep(ctx))...)
}

// isUnsettled reports whether there is anything to recover.
func (in *Installer) isUnsettled(name string) bool {
	if _, err := in.Tree.Lstat(in.Paths.Pending(name)); err == nil {
		return true
	}
	leftovers, err := in.leftovers(name)
	return err != nil || len(leftovers) > 0
}

// recoverOne settles one container: nothing of it is pending or half-made after
// nil. It can be repeated. The caller has the lock.
func (in *Installer) recoverOne(ctx context.Context, name string) error {
	if err := in.checkMoved(name); err != nil {
		return fmt.Errorf("recovering %s: %w", name, err)
	}
	if err := in.settle(ctx, name); err != nil {
		return hint.Add(fmt.Errorf("recovering %s: %w", name, err),
			"if the cause cannot be mended, remove what is left with: syscontainer uninstall %s", name)
	}
	return nil
}

func (in *Installer) settle(ctx context.Context, name string) error {
	for _, p := range []string{in.Paths.Pending(name), in.Paths.Current(name), in.Paths.History(name)} {
		if err := in.Tree.Sweep(p); err != nil {
			return err
		}
	}
	if err := in.finish(ctx, name); err != nil {
		return err
	}
	if err := errors.Join(in.adopt(ctx, name), in.dropStaged(ctx, name), in.retireSurplus(ctx, name)); err != nil {
		return err
	}
	leftovers, err := in.leftovers(name)
	if err != nil {
		return err
	}
	for _, p := range leftovers {
		if err := in.Tree.RemoveAll(p); err != nil {
			return err
		}
	}
	return errors.Join(in.sweepRepairs(name), in.tidy(name))
}

// sweepRepairs removes what a repair that was killed left beside the files that it was to put back.
func (in *Installer) sweepRepairs(name string) error {
	records, err := in.readableRecords(name) // nothing is repaired without one
	if err != nil {
		return err
	}
	var errs []error
	for _, record := range records {
		var rendered []string
		for _, f := range renderedFiles(record) {
			rendered = append(rendered, path.Join(in.Paths.Deployment(name, record.Deployment), f.Source))
		}
		errs = append(errs, in.sweep(record), in.Tree.Sweep(rendered...))
	}
	return errors.Join(errs...)
}

// tidy removes the directories of a container of which nothing is left.
func (in *Installer) tidy(name string) error {
	for _, dir := range []string{in.Paths.Deployments(name), in.Paths.Container(name)} {
		if err := in.Tree.RemoveIfEmpty(dir); err != nil {
			return err
		}
	}
	return nil
}

// finish completes the pending change, if there is one, or goes back where the new
// deployment has not proved itself. Both ends were complete before the change began,
// so either way is possible.
func (in *Installer) finish(ctx context.Context, name string) error {
	pending, err := in.readPending(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && pending.To == 0 {
		_, err := in.uninstall(ctx, name, pending.Purges)
		return err
	}
	t := transition{Name: name}
	if err == nil {
		t, err = in.readTransition(name, pending)
	}
	if err != nil {
		if t, err = in.stayCurrent(name, err); err != nil {
			return err
		}
	}
	if err := errors.Join(in.sweep(t.From), in.sweep(t.To)); err != nil {
		return err
	}
	if t.Phase != onward {
		return in.goBack(ctx, t)
	}
	_, err = in.change(ctx, t)
	return err
}

func (in *Installer) readPending(name string) (pendingChange, error) {
	var pending pendingChange
	file := in.Paths.Pending(name)
	data, err := in.Tree.ReadFile(file)
	if err != nil {
		return pending, err
	}
	if err := json.Unmarshal(data, &pending); err != nil {
		return pending, fmt.Errorf("reading %s: %w", file, err)
	}
	if err := pending.check(); err != nil {
		return pending, fmt.Errorf("reading %s: %w", file, err)
	}
	return pending, nil
}

func (in *Installer) readTransition(name string, pending pendingChange) (t transition, err error) {
	t.Name, t.Phase, t.Before = name, pending.Phase, pending.Before
	if t.To, err = in.readRecord(name, pending.To); err != nil {
		return t, err
	}
	if pending.From != 0 {
		t.From, err = in.readRecord(name, pending.From)
	}
	return t, err
}

// stayCurrent is what is done about a change of which the disk has lost where it
// was to lead: the container stays what it was last, wholly.
func (in *Installer) stayCurrent(name string, lost error) (transition, error) {
	current, err := in.currentRecord(name)
	if err != nil {
		return transition{}, lost
	}
	in.Log.Warn("a change that was interrupted cannot be finished; the container stays as it was",
		"container", name, "deployment", current.Deployment, "error", lost)
	return transition{Name: name, From: current, To: current}, nil
}

// adopt makes the newest deployment current again when the link to it was lost
// and the host bears its files: what a service runs from is no leftover.
func (in *Installer) adopt(ctx context.Context, name string) error {
	if !in.isNeverBegun(name) {
		return nil
	}
	last, err := in.lastDeployment(name)
	if err != nil || last == 0 {
		return err
	}
	record, err := in.readRecord(name, last)
	if err != nil || !in.isBorne(record) {
		return nil //nolint:nilerr // what cannot be read is a leftover
	}
	_, err = in.change(ctx, transition{Name: name, From: record, To: record})
	return err
}

// isNeverBegun reports whether nothing says that the host has any deployment of
// the container, or is about to.
func (in *Installer) isNeverBegun(name string) bool {
	_, currentErr := in.Tree.Lstat(in.Paths.Current(name))
	_, pendingErr := in.Tree.Lstat(in.Paths.Pending(name))
	return errors.Is(currentErr, fs.ErrNotExist) && errors.Is(pendingErr, fs.ErrNotExist)
}

// isBorne reports whether the host has a file of the deployment. Before a change
// begins it has none: what is there already is a conflict.
func (in *Installer) isBorne(r *deployment.Record) bool {
	return slices.ContainsFunc(r.Files, func(f deployment.HostFile) bool { return f.Kind != deployment.Directory && in.is(f) })
}

// sweep removes what a crash left of attempts to write the record's host files.
func (in *Installer) sweep(r *deployment.Record) error {
	if r == nil {
		return nil
	}
	var paths []string
	for _, f := range r.Files {
		paths = append(paths, f.Path)
	}
	return in.Tree.Sweep(paths...)
}

// leftovers are the directories of deployments that never became complete, and
// all of them where an installation was staged and never begun.
func (in *Installer) leftovers(name string) ([]string, error) {
	entries, err := in.Tree.ReadDir(in.Paths.Deployments(name))
	if err != nil {
		return nil, err
	}
	neverBegun := in.isNeverBegun(name)
	var paths []string
	for _, entry := range entries {
		if neverBegun || strings.HasPrefix(entry.Name(), hosttree.TempPrefix) {
			paths = append(paths, path.Join(in.Paths.Deployments(name), entry.Name()))
		}
	}
	return paths, nil
}

// releaseOrphans ends the holds of deployments that do not exist.
func (in *Installer) releaseOrphans(ctx context.Context) error {
	holds, err := in.Images.Held(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, hold := range holds {
		name, number := path.Split(hold)
		_, err := in.Tree.Lstat(path.Join(in.Paths.Deployments(name), number))
		if errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, in.Images.Release(ctx, hold))
		}
	}
	return errors.Join(errs...)
}
