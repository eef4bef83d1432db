package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/runcspec"
)

// stage makes the plan's new deployment: complete and durable when it has its
// name, and invisible until then. After an error nothing of it is left.
func (in *Installer) stage(ctx context.Context, plan *Plan) error {
	to := plan.To
	staging := path.Join(in.Paths.deployments(to.Name), hosttree.TempPrefix+strconv.Itoa(to.Deployment))
	err := in.stageInto(ctx, staging, plan)
	if err == nil {
		err = in.Tree.Rename(staging, in.Paths.Deployment(to.Name, to.Deployment))
	}
	if err != nil {
		return fmt.Errorf("staging deployment %d of %s: %w", to.Deployment, to.Name,
			errors.Join(err, in.Tree.RemoveAll(staging), in.discard(context.WithoutCancel(ctx), to)))
	}
	return nil
}

func (in *Installer) stageInto(ctx context.Context, staging string, plan *Plan) error {
	if err := in.Tree.RemoveAll(staging); err != nil {
		return err
	}
	if _, err := in.Tree.MkdirAll(staging, statePerm); err != nil {
		return err
	}
	if err := in.stageRootfs(ctx, path.Join(staging, rootfsDir), plan); err != nil {
		return err
	}
	record, err := plan.To.encode()
	if err != nil {
		return err
	}
	for _, f := range append(plan.Rendered, RenderedFile{Path: recordFile, Data: record, Mode: 0o600}) {
		name := path.Join(staging, f.Path)
		if _, err := in.Tree.MkdirAll(path.Dir(name), statePerm); err != nil {
			return err
		}
		if err := in.Tree.WriteFile(name, f.Data, f.Mode.FileMode()); err != nil {
			return err
		}
	}
	return in.Tree.Sync(staging)
}

// stageRootfs checks the image out. The commit is held before its files are
// linked, so that no prune in between can take them.
func (in *Installer) stageRootfs(ctx context.Context, rootfs string, plan *Plan) error {
	if err := in.Images.Hold(ctx, holdName(plan.To), plan.To.Image.Commit); err != nil {
		return err
	}
	disk, err := in.Tree.Path(rootfs)
	if err != nil {
		return err
	}
	if err := in.Images.Checkout(ctx, plan.To.Image.Commit, disk); err != nil {
		return err
	}
	for _, m := range plan.MountPoints {
		if err := makeMountPoint(disk, m); err != nil {
			return fmt.Errorf("making the mount point %s: %w", m.Path, err)
		}
	}
	return nil
}

// makeMountPoint makes sure that something can be mounted at m, so that the
// runtime never writes into the checkout. Links are followed within the rootfs;
// what the image has there is left as it is.
func makeMountPoint(rootfs string, m runcspec.MountPoint) error {
	root, err := os.Open(rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	if there, err := pathrs.OpenatInRoot(root, m.Path); err == nil {
		return there.Close()
	}
	parent, err := pathrs.MkdirAllHandle(root, path.Dir(m.Path), 0o755)
	if err != nil {
		return err
	}
	defer parent.Close()
	name, dir := path.Base(m.Path), int(parent.Fd())
	if m.Dir {
		err = unix.Mkdirat(dir, name, 0o700)
	} else {
		err = unix.Mknodat(dir, name, unix.S_IFREG|0o600, 0)
	}
	if err != nil {
		return err
	}
	// A tmpfs gets the permissions of what it is mounted on, whatever the umask.
	return unix.Fchmodat(dir, name, syscallMode(m.Mode), 0)
}

// syscallMode returns the mode as chmod(2) takes it.
func syscallMode(mode fs.FileMode) uint32 { return uint32(modeOf(mode)) }

// discard removes a deployment that the host is not converged to, and what else
// of the container is empty then. It can be repeated.
func (in *Installer) discard(ctx context.Context, record *Record) error {
	return errors.Join(
		in.Tree.RemoveAll(in.Paths.Deployment(record.Name, record.Deployment)),
		in.Images.Release(ctx, holdName(record)),
		in.tidy(record.Name),
	)
}

// holdName is under which name the image store keeps a deployment's commit.
func holdName(r *Record) string { return holdOf(r.Name, r.Deployment) }

func holdOf(name string, deployment int) string { return name + "/" + strconv.Itoa(deployment) }
