package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/dirlock"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/unitgen"
)

// onlyRun is the number of the only deployment of what runs once.
const onlyRun = 1

// runs is an installer that keeps its containers apart: those that run once.
func (in *Installer) runs() *Installer {
	runs := *in
	runs.Paths = in.Paths.Runs()
	return &runs
}

// Run runs a container of an image once, in the foreground, with this program's input,
// output and signals, and returns its exit status. An image that is not in the store is
// pulled, and stays there. Nothing else of it is left: what is when this program is killed
// goes with the next command that changes something, or at boot. Warnings are told before
// the container begins.
func (in *Installer) Run(ctx context.Context, req deployment.Request, once deployment.Once, warn func(string)) (status int, err error) {
	name, err := in.runName(req)
	if err := errors.Join(err, req.Check(name)); err != nil {
		return 0, err
	}
	if err := in.checkHost(); err != nil {
		return 0, err
	}
	var r *onceRun
	err = in.Exclusively(ctx, func(ctx context.Context) (err error) {
		r, err = in.prepareRun(ctx, name, req, once)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("running %s: %w", name, err)
	}
	for _, warning := range r.plan.Warnings {
		warn(warning)
	}
	bundle, err := in.Tree.Path(in.Paths.Runs().Deployment(name, onlyRun))
	if err == nil {
		status, err = in.Containers.Run(ctx, r.plan.To.Runtime, name, bundle, deployment.ScopeName(name))
	}
	if err := errors.Join(err, in.endRun(context.WithoutCancel(ctx), name, r.lock)); err != nil {
		return 0, fmt.Errorf("running %s: %w", name, err)
	}
	return status, nil
}

// onceRun is a container that is about to run once.
type onceRun struct {
	plan *deployment.Plan
	lock *dirlock.Lock // on its directory, for as long as this program lives
}

// runName is the name of a run: the image's with digits behind it that no other has,
// unless the user gives one.
func (in *Installer) runName(req deployment.Request) (string, error) {
	name, err := req.ContainerName()
	if err == nil && req.Name == "" {
		const digits = 8
		name += "-" + in.NewUUID()[:digits]
		err = unitgen.CheckName(name)
	}
	return name, err
}

// prepareRun plans and stages a run. After an error nothing of it is left. The caller has
// the lock.
func (in *Installer) prepareRun(ctx context.Context, name string, req deployment.Request, once deployment.Once) (*onceRun, error) {
	if _, err := in.currentRecord(name); !errors.Is(err, ErrNotInstalled) {
		return nil, hint.Add(fmt.Errorf("there is a container %q", name), "give it another name with --name")
	}
	dir := in.Paths.Runs().Container(name)
	if _, err := in.Tree.Lstat(dir); err == nil { // what does not run was swept
		return nil, fmt.Errorf("another one of that name is running")
	}
	image, err := in.Images.Find(ctx, req.Image)
	if err != nil {
		if image, err = in.Images.Pull(ctx, req.Image); err != nil {
			return nil, err
		}
	}
	plan, err := in.planOnce(ctx, name, image, req, once)
	if err != nil {
		return nil, err
	}
	if _, err := in.Tree.MkdirAll(dir, statePerm); err != nil {
		return nil, err
	}
	disk, err := in.Tree.Path(dir)
	if err != nil {
		return nil, err
	}
	lock, err := dirlock.Try(disk)
	if err == nil {
		err = in.stageRun(ctx, name, plan)
	}
	if err != nil {
		return nil, errors.Join(err, in.endRun(context.WithoutCancel(ctx), name, lock))
	}
	return &onceRun{plan, lock}, nil
}

func (in *Installer) planOnce(ctx context.Context, name string, image deployment.Image, req deployment.Request, once deployment.Once) (*deployment.Plan, error) {
	files, err := in.Images.Files(ctx, image.Commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	facts, err := in.gather(name)
	if err != nil {
		return nil, err
	}
	facts.Paths, facts.Deployment = in.Paths.Runs(), onlyRun
	return deployment.CompileOnce(deployment.Input{Name: name, Image: image, Files: files, Request: req, Facts: facts}, once)
}

// stageRun makes the files of a run, and the directories that it binds.
func (in *Installer) stageRun(ctx context.Context, name string, plan *deployment.Plan) error {
	runs := in.runs()
	if err := runs.stageInto(ctx, runs.Paths.Deployment(name, onlyRun), plan); err != nil {
		return err
	}
	for _, f := range plan.To.Files {
		if _, err := in.Tree.MkdirAll(f.Path, f.Mode.FileMode()); err != nil {
			return err
		}
	}
	if len(plan.To.Secrets) == 0 {
		return nil
	}
	return runs.giveSecrets(plan.To)
}

// giveSecrets makes the secrets of a run readable for the user that the program begins
// as. The directory above them is the superuser's.
func (in *Installer) giveSecrets(r *deployment.Record) error {
	spec, err := in.readSpec(in.Paths.Deployment(r.Name, r.Deployment))
	if err != nil {
		return err
	}
	uid, gid := runcspec.HostIDs(spec)
	for _, name := range r.Secrets {
		disk, err := in.Tree.Path(in.Paths.Secret(r.Name, r.Deployment, name))
		if err != nil {
			return err
		}
		if err := errors.Join(os.Lchown(disk, uid, gid), os.Lchown(filepath.Dir(disk), uid, gid)); err != nil {
			return err
		}
	}
	return nil
}

// endRun takes away what is left of a run, in any state. The lock may be nil.
func (in *Installer) endRun(ctx context.Context, name string, lock *dirlock.Lock) error {
	if lock != nil {
		defer lock.Release()
	}
	runs := in.runs()
	var errs []error
	if record, err := runs.readRecord(name, onlyRun); err == nil { // without one it has not begun
		errs = append(errs, in.Containers.Delete(ctx, record.Runtime, name))
		for _, f := range slices.Backward(record.Files) {
			if err := in.Tree.RemoveIfEmpty(f.Path); err != nil {
				in.Log.Warn("leaving a directory that the container has used", "error", err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err // the next one tries again, and needs the record for it
	}
	errs = append(errs, in.Tree.RemoveAll(runs.Paths.Container(name)))
	for _, dir := range []string{runs.Paths.Containers(), runs.Paths.State} {
		errs = append(errs, in.Tree.RemoveIfEmpty(dir))
	}
	return errors.Join(errs...)
}

// sweepRuns ends the runs whose program was killed. The caller has the lock.
func (in *Installer) sweepRuns(ctx context.Context) error {
	names, err := in.runs().containerNames()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		disk, err := in.Tree.Path(in.Paths.Runs().Container(name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lock, err := dirlock.Try(disk)
		if errors.Is(err, dirlock.ErrHeld) {
			continue
		}
		if err == nil {
			err = in.endRun(ctx, name, lock)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
