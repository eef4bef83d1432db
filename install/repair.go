package install

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// RepairRequest says what Repair may mend.
type RepairRequest struct {
	Names []string // of containers; none are all
	// Files are host files of theirs that are put back even though they were changed.
	Files []string
}

// Repair verifies containers and mends what it can: the checkout from the repo, objects
// of the repo from where the image came from, what was rendered from its copy on the
// host or by compiling once more, units and missing host files from the deployment.
// Host files that were changed stay as they are unless they are named. Each entry is
// the old or the new one at any time, and it can be repeated. No service is restarted.
//
// The list is what Verify says afterwards, with what was repaired. What could not be
// is still among the differences, and Error says why.
func (in *Installer) Repair(ctx context.Context, req RepairRequest) ([]*Verification, error) {
	if _, err := in.known(req.Names); err != nil {
		return nil, err
	}
	unlock, err := in.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	names, err := in.known(req.Names)
	if err != nil {
		return nil, err
	}
	failed := map[string]error{}
	for _, name := range names {
		failed[name] = in.recoverOne(ctx, name)
	}
	before, err := in.Verify(ctx, names...)
	if err != nil {
		return nil, err
	}
	if err := checkFiles(before, req.Files); err != nil {
		return nil, err
	}
	r := &repair{Installer: in, files: req.Files, failed: map[*Verification]error{}}
	r.run(ctx, before)
	after, err := in.Verify(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, v := range after {
		r.conclude(ctx, v, before)
		if v.Current {
			v.fail(failed[v.Name])
		}
	}
	return after, nil
}

// checkFiles refuses paths that no container put onto the host.
func checkFiles(list []*Verification, files []string) error {
	for _, file := range files {
		if !slices.ContainsFunc(list, func(v *Verification) bool {
			_, ok := v.record.File(file)
			return ok && v.Current
		}) {
			return hint.Add(fmt.Errorf("no container that is repaired has put %s onto the host", file), "what one has put there is told by: syscontainer show NAME")
		}
	}
	return nil
}

// repair is one run of Repair.
type repair struct {
	*Installer
	files  []string // to put back in any case
	failed map[*Verification]error
}

func (r *repair) fail(v *Verification, err error) { r.failed[v] = errors.Join(r.failed[v], err) }

// run mends one thing after the other: objects before the checkouts that link them,
// and what is rendered before the host files that are copied from it.
func (r *repair) run(ctx context.Context, list []*Verification) {
	for _, v := range list {
		if v.record != nil {
			r.fail(v, r.repairObjects(ctx, v))
		}
	}
	for _, v := range list {
		if v.record == nil || len(v.Differences) == 0 {
			continue
		}
		r.fail(v, r.repairHold(ctx, v))
		r.fail(v, r.repairRendered(ctx, v))
		r.fail(v, r.repairRootfs(ctx, v))
		if v.Current {
			r.fail(v, r.repairHost(ctx, v))
		}
		r.fail(v, r.Tree.Sync(r.Paths.State))
	}
}

// repairObjects fetches the objects that are damaged or missing once more.
func (r *repair) repairObjects(ctx context.Context, v *Verification) error {
	var objects []string
	for _, d := range v.Differences {
		if d.Object != "" && (d.Place == drift.Repo || d.Aspect == drift.Object) {
			objects = append(objects, d.Object)
		}
	}
	slices.Sort(objects)
	objects = slices.Compact(objects)
	if len(objects) == 0 {
		return nil
	}
	restored, err := r.Images.Refetch(ctx, v.record.Image, objects)
	if err == nil && len(restored) < len(objects) {
		err = errors.New("it does not have them")
	}
	if err != nil {
		return fmt.Errorf("fetching %d objects of %s anew: %w", len(objects)-len(restored), v.record.Image.Reference, err)
	}
	return nil
}

// repairHold keeps the image from being pruned again.
func (r *repair) repairHold(ctx context.Context, v *Verification) error {
	for _, d := range v.Differences {
		if d.Place == drift.Repo && d.Object == "" {
			return r.Images.Hold(ctx, holdName(v.record), v.record.Image.Commit)
		}
	}
	return nil
}

// repairHost puts host files back: those that are missing, those that systemd reads,
// and those that were asked for.
func (r *repair) repairHost(ctx context.Context, v *Verification) error {
	if err := r.sweep(v.record); err != nil {
		return err
	}
	batch := r.Tree.Batch()
	if err := r.prepareHost(batch, v); err != nil {
		return errors.Join(err, batch.Discard())
	}
	if err := batch.Commit(); err != nil {
		return err
	}
	if !slices.ContainsFunc(v.Differences, func(d drift.Difference) bool { return d.Place == drift.Host }) {
		return nil
	}
	return r.enterUnits(ctx, transition{Name: v.Name, From: v.record, To: v.record})
}

// prepareHost has the batch make the entries, directories before what is in them. A
// file whose source in the deployment is not sound stays as it is.
func (r *repair) prepareHost(batch *hosttree.Batch, v *Verification) error {
	wrong := map[string]drift.Aspect{}
	for _, d := range v.Differences {
		if d.Place == drift.Host {
			wrong[d.Path] = d.Aspect
		}
	}
	var errs []error
	for _, f := range v.record.Files {
		aspect, differs := wrong[f.Path]
		if !differs || !r.mayPlace(f, aspect) {
			continue
		}
		errs = append(errs, r.putBack(batch, v.record, f))
	}
	return errors.Join(errs...)
}

func (r *repair) putBack(batch *hosttree.Batch, record *deployment.Record, f deployment.HostFile) error {
	if f.Kind == deployment.File {
		sum, err := r.Tree.SHA256(path.Join(r.Paths.Deployment(record.Name, record.Deployment), f.Source), deployment.MaxHostFile)
		if err == nil && sum != f.SHA256 {
			err = errors.New("its copy in the deployment is damaged as well")
		}
		if err != nil {
			return fmt.Errorf("putting %s back: %w", f.Path, err)
		}
	}
	return r.place(batch, record, f)
}

// mayPlace reports whether an entry that differs may be put back: what was changed
// may be somebody's work.
func (r *repair) mayPlace(f deployment.HostFile, aspect drift.Aspect) bool {
	return !f.OfImage() || aspect == drift.Missing || slices.Contains(r.files, f.Path)
}

// conclude tells what was repaired of a deployment, and what could not be.
func (r *repair) conclude(ctx context.Context, after *Verification, list []*Verification) {
	i := slices.IndexFunc(list, func(v *Verification) bool { return v.Name == after.Name && v.Deployment == after.Deployment })
	if i < 0 {
		return
	}
	before := list[i]
	for _, d := range before.Differences {
		if !slices.Contains(after.Differences, d) {
			after.Repaired = append(after.Repaired, d)
		}
	}
	after.fail(r.failed[before])
	if before.Error != "" && before.Error != after.Error && !after.OK() { // what was not seen was not repaired
		after.fail(errors.New(before.Error))
	}
	if len(after.Repaired) == 0 || !after.Current || after.record == nil || after.record.Unit == "" {
		return
	}
	status, err := r.Services.Status(ctx, after.record.Unit)
	after.fail(err)
	after.Restart = status.Active == "active"
}
