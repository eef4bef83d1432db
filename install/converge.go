package install

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/unitgen"
)

// converge brings the host to t.To. Each step can be repeated, and finds out for
// itself whether anything is to be done.
func (in *Installer) converge(ctx context.Context, t transition) ([]string, error) {
	if err := in.leaveUnits(ctx, t); err != nil {
		return nil, err
	}
	if err := in.clearWay(t); err != nil {
		return nil, err
	}
	placed, err := in.placeFiles(ctx, t)
	if err != nil {
		return nil, err
	}
	removed, err := in.removeFiles(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.leavesData() {
		if err := in.markData(t.Name); err != nil {
			return nil, err
		}
	}
	if err := in.pointCurrent(t); err != nil {
		return nil, err
	}
	return append(placed, removed...), in.enterUnits(ctx, t)
}

// leavesData reports whether data stays behind where t.To has none.
func (t transition) leavesData() bool {
	return t.To == nil || t.From != nil && t.From.Data != t.To.Data
}

// leaveUnits stops and disables the units that will be no more.
func (in *Installer) leaveUnits(ctx context.Context, t transition) error {
	gone := deployment.Without(t.From.UnitNames(), t.To.UnitNames())
	for _, unit := range gone {
		if err := in.Services.Stop(ctx, unit); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := in.removePIDFile(t); err != nil {
		return err
	}
	return in.Services.Disable(ctx, gone)
}

// removePIDFile removes what the runtime wrote. An image chooses the path, so only
// files that the next boot would remove as well are touched.
func (in *Installer) removePIDFile(t transition) error {
	stays := t.To != nil && t.To.Unit == t.From.Unit
	if stays || !strings.HasPrefix(path.Clean(t.From.PIDFile), "/run/") {
		return nil
	}
	return in.Tree.Remove(t.From.PIDFile)
}

// enterUnits makes systemd know what changed.
func (in *Installer) enterUnits(ctx context.Context, t transition) error {
	if t.To != nil {
		if f, ok := t.To.File(deployment.TmpfilesPath(t.Name)); ok {
			if err := in.Services.Tmpfiles(ctx, f.Path); err != nil {
				return err
			}
		}
	}
	enabled := t.enables()
	if moved := in.moves(t); len(moved) > 0 {
		if err := in.Services.Disable(ctx, moved); err != nil {
			return err
		}
		enabled = append(enabled, moved...)
	}
	if len(enabled) > 0 {
		if err := in.Services.Enable(ctx, enabled); err != nil {
			return err
		}
	}
	// After enabling: RequiredBy= and WantedBy= are links that belong to other units.
	return in.Services.Reload(ctx)
}

// moves are the units that stay enabled, and to which other links lead from now on.
func (in *Installer) moves(t transition) []string {
	var moved []string
	for _, unit := range t.To.UnitNames() {
		if slices.Contains(t.Before.Enabled, unit) && t.changes(unit) && !in.installs(t.From, unit).InstallsLike(in.installs(t.To, unit)) {
			moved = append(moved, unit)
		}
	}
	return moved
}

// installs reads a unit of a deployment; what cannot be read is an empty unit.
func (in *Installer) installs(r *deployment.Record, unit string) unitgen.Unit {
	f, ok := r.File(deployment.UnitFile(unit))
	if !ok {
		return unitgen.Unit{}
	}
	text, err := in.staged(r)(f)
	if err != nil {
		in.Log.Warn("looking how a unit is enabled", "unit", unit, "error", err)
	}
	parsed, _ := unitgen.ParseUnit(unit, text) // it was parsed when it was compiled
	return parsed
}

// enables are the units that t.To has and t.From has not, if they are to be enabled:
// on the way back, those that were.
func (t transition) enables() []string {
	added := deployment.Without(t.To.UnitNames(), t.From.UnitNames())
	if len(added) == 0 || !t.To.Enabled {
		return nil
	}
	if t.Back {
		return slices.DeleteFunc(added, func(unit string) bool { return !slices.Contains(t.Before.Enabled, unit) })
	}
	return added
}

// pointCurrent makes current lead to t.To.
func (in *Installer) pointCurrent(t transition) error {
	current := in.Paths.Current(t.Name)
	if t.To == nil {
		if err := in.removeDirectory(current); err != nil { // a backup may have followed the link
			return err
		}
		return in.Tree.Remove(current)
	}
	return in.Tree.Symlink(deployment.CurrentTarget(t.To.Deployment), current, in.Host.UID, in.Host.GID)
}

// clearWay removes what t.From has in the place of something of another kind. Until that
// is placed there is nothing.
func (in *Installer) clearWay(t transition) error {
	if t.From == nil || t.To == nil {
		return nil
	}
	next := t.To.FilesByPath()
	batch := in.Tree.Batch()
	for _, f := range slices.Backward(t.From.Files) { // children before their directories
		if !f.IsInTheWay(next) {
			continue
		}
		if err := in.removeFile(batch, f); err != nil {
			return errors.Join(err, batch.Commit())
		}
	}
	return batch.Commit()
}

// placeFiles puts the files of t.To onto the host and returns those that it kept
// as the administrator left them.
func (in *Installer) placeFiles(ctx context.Context, t transition) ([]string, error) {
	if t.To == nil {
		return nil, nil
	}
	batch := in.Tree.Batch()
	kept, err := in.prepareFiles(ctx, batch, t)
	if err != nil {
		return nil, errors.Join(err, batch.Discard())
	}
	return kept, batch.Commit()
}

// prepareFiles has the batch make what is not as t.To wants it.
func (in *Installer) prepareFiles(ctx context.Context, batch *hosttree.Batch, t transition) ([]string, error) {
	var kept []string
	before := t.From.FilesByPath()
	for _, f := range t.To.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		state, err := in.compare(f)
		if err != nil {
			return nil, err
		}
		if state == asRecorded {
			continue
		}
		if state == different && !in.is(before[f.Path]) {
			kept = append(kept, f.Path)
			continue
		}
		if err := in.place(batch, t.To, f); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// removeFiles takes the files of t.From that t.To does not have off the host,
// children before their directories, and returns those that it kept.
func (in *Installer) removeFiles(ctx context.Context, t transition) ([]string, error) {
	if t.From == nil {
		return nil, nil
	}
	stays := t.To.FilesByPath()
	others, err := in.filesOfOthers(t.Name)
	if err != nil {
		return nil, err
	}
	batch := in.Tree.Batch()
	for _, f := range slices.Backward(t.From.Files) {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, batch.Commit())
		}
		if _, ok := stays[f.Path]; ok || others[f.Path] {
			continue
		}
		if err := in.removeFile(batch, f); err != nil {
			return nil, errors.Join(err, batch.Commit())
		}
	}
	if err := batch.Commit(); err != nil {
		return nil, err
	}
	return in.remaining(t, stays, others)
}

// filesOfOthers are the paths that other containers have put onto the host: of
// directories, they may be the same.
func (in *Installer) filesOfOthers(name string) (map[string]bool, error) {
	others, err := in.recordsOfOthers(name)
	if err != nil {
		return nil, err
	}
	paths := map[string]bool{}
	for _, record := range others {
		for _, f := range record.Files {
			paths[f.Path] = true
		}
	}
	return paths, nil
}

// recordsOfOthers are the current records of all containers but one.
func (in *Installer) recordsOfOthers(name string) ([]*deployment.Record, error) {
	records, err := in.currentRecords()
	return slices.DeleteFunc(records, func(r *deployment.Record) bool { return r.Name == name }), err
}

// removeFile removes an entry that is still as we made it.
func (in *Installer) removeFile(b *hosttree.Batch, f deployment.HostFile) error {
	if f.Kind == deployment.Directory {
		return b.RemoveIfEmpty(f.Path)
	}
	state, err := in.compare(f)
	if err != nil || state != asRecorded {
		return err
	}
	return b.Remove(f.Path)
}

// remaining lists the files of t.From that should have gone and did not.
func (in *Installer) remaining(t transition, stays map[string]deployment.HostFile, others map[string]bool) ([]string, error) {
	var kept []string
	for _, f := range t.From.Files {
		_, ok := stays[f.Path]
		if ok || others[f.Path] || f.Kind == deployment.Directory {
			continue
		}
		state, err := in.compare(f)
		if err != nil {
			return nil, err
		}
		if state != absent {
			kept = append(kept, f.Path)
		}
	}
	return slices.Compact(kept), nil
}
