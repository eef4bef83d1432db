package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/runcspec"
)

// stage makes the plan's new deployment: complete and durable when it has its
// name, and invisible until then. After an error nothing of it is left.
func (in *Installer) stage(ctx context.Context, plan *deployment.Plan) error {
	to := plan.To
	staging := path.Join(in.Paths.Deployments(to.Name), hosttree.TempPrefix+strconv.Itoa(to.Deployment))
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

func (in *Installer) stageInto(ctx context.Context, staging string, plan *deployment.Plan) error {
	if err := in.Tree.RemoveAll(staging); err != nil {
		return err
	}
	if _, err := in.Tree.MkdirAll(staging, statePerm); err != nil {
		return err
	}
	if err := in.stageRootfs(ctx, path.Join(staging, deployment.RootfsDir), plan); err != nil {
		return err
	}
	record, err := plan.To.Encode()
	if err != nil {
		return err
	}
	for _, f := range append(plan.Rendered, deployment.RenderedFile{Path: deployment.RecordFile, Data: record, Mode: 0o600}) {
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
func (in *Installer) stageRootfs(ctx context.Context, rootfs string, plan *deployment.Plan) error {
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
	// What a link of the image leads to is made where there is nothing yet, as the
	// runtime would; /etc/resolv.conf often leads into /run.
	disk, err := securejoin.SecureJoin(rootfs, m.Path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(disk); err == nil {
		return nil
	}
	if err := makeParents(filepath.Dir(disk)); err != nil {
		return err
	}
	if m.Dir {
		err = os.Mkdir(disk, 0o700)
	} else {
		err = unix.Mknod(disk, unix.S_IFREG|0o600, 0)
	}
	if err != nil {
		return err
	}
	// A tmpfs gets the permissions of what it is mounted on, whatever the umask.
	return os.Chmod(disk, m.Mode)
}

// makeParents makes dir and what is missing above it. A container that is not
// root must get through, whatever the umask.
func makeParents(dir string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// discard removes a deployment that the host is not converged to, and what else
// of the container is empty then. It can be repeated.
func (in *Installer) discard(ctx context.Context, record *deployment.Record) error {
	return errors.Join(
		in.Tree.RemoveAll(in.Paths.Deployment(record.Name, record.Deployment)),
		in.Images.Release(ctx, holdName(record)),
		in.tidy(record.Name),
	)
}

// holdName is under which name the image store keeps a deployment's commit.
func holdName(r *deployment.Record) string { return holdOf(r.Name, r.Deployment) }

func holdOf(name string, deployment int) string { return name + "/" + strconv.Itoa(deployment) }
