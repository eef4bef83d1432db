package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// recordPerm keeps what holds values for the superuser.
const recordPerm = 0o600

// stage makes the plan's new deployment: complete and durable when it has its
// name, and invisible until then. After an error nothing of it is left.
func (in *Installer) stage(ctx context.Context, plan *deployment.Plan) error {
	to := plan.To
	staging := in.halfMade(to.Name, to.Deployment)
	_, err := in.Tree.MkdirAll(in.Paths.Deployments(to.Name), statePerm)
	if err == nil {
		// The commit is held before its files are linked, so that no prune in between can
		// take them.
		err = in.Images.Hold(ctx, holdName(to), to.Image.Commit)
	}
	if err == nil {
		err = in.stageInto(ctx, staging, plan)
	}
	if err == nil {
		err = in.Tree.Rename(staging, in.Paths.Deployment(to.Name, to.Deployment))
	}
	if err != nil {
		return fmt.Errorf("staging deployment %d of %s: %w", to.Deployment, to.Name,
			errors.Join(err, in.discard(context.WithoutCancel(ctx), to.Name, to.Deployment)))
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
	if len(record) > hosttree.MaxRead {
		return errors.New("the image puts more files onto the host than can be kept track of")
	}
	for _, f := range append(plan.Rendered, deployment.RenderedFile{Path: deployment.RecordFile, Data: record, Mode: recordPerm}) {
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

// stageRootfs checks the image out.
func (in *Installer) stageRootfs(ctx context.Context, rootfs string, plan *deployment.Plan) error {
	disk, err := in.Tree.Path(rootfs)
	if err != nil {
		return err
	}
	if err := in.Images.Checkout(ctx, plan.To.Image.Commit, disk); err != nil {
		return err
	}
	for _, m := range plan.To.MountPoints {
		if err := makeMountPoint(disk, m); err != nil {
			return fmt.Errorf("making the mount point %s: %w", m.Path, err)
		}
	}
	return nil
}

// makeMountPoint makes sure that something can be mounted at m, so that the
// runtime never writes into the checkout. Links are followed within the rootfs;
// what the image has there is left as it is.
func makeMountPoint(rootfs string, m deployment.MountPoint) error {
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
	return os.Chmod(disk, m.Mode.FileMode())
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

// halfMade is where a deployment is until it is complete, and when it goes.
func (in *Installer) halfMade(name string, n int) string {
	return path.Join(in.Paths.Deployments(name), hosttree.TempPrefix+strconv.Itoa(n))
}

// discard removes a deployment that the host is not converged to, and what else
// of the container is empty then. It can be repeated, and a crash leaves the
// deployment whole or a leftover.
func (in *Installer) discard(ctx context.Context, name string, n int) error {
	whole, half := in.Paths.Deployment(name, n), in.halfMade(name, n)
	if _, err := in.Tree.Lstat(whole); err == nil {
		if err := errors.Join(in.Tree.RemoveAll(half), in.Tree.Rename(whole, half)); err != nil {
			return err
		}
	}
	return errors.Join(in.Tree.RemoveAll(half), in.Images.Release(ctx, holdOf(name, n)), in.tidy(name))
}

// abandon discards a deployment to which the host could not be converged. When
// going back failed as well, the change is still pending, and recover needs the
// deployment to finish it.
func (in *Installer) abandon(ctx context.Context, record *deployment.Record) error {
	if _, err := in.Tree.Lstat(in.Paths.Pending(record.Name)); err == nil {
		return nil
	}
	if err := in.discard(ctx, record.Name, record.Deployment); err != nil {
		return err
	}
	return in.dropStaged(ctx, record.Name)
}

// dropStaged discards the deployment that was staged for a change that is no more.
func (in *Installer) dropStaged(ctx context.Context, name string) error {
	h, err := in.readHistory(name)
	if err != nil || h.Staged == 0 {
		return err
	}
	if current, err := in.currentRecord(name); err != nil || current.Deployment == h.Staged {
		return nil //nolint:nilerr // nobody knows whether it is needed
	}
	if err := in.discard(ctx, name, h.Staged); err != nil {
		return err
	}
	h.Staged = 0
	return in.writeHistory(name, h)
}

// retire removes deployments that need not be kept.
func (in *Installer) retire(ctx context.Context, name string, numbers []int) error {
	for _, n := range numbers {
		if err := in.discard(ctx, name, n); err != nil {
			return fmt.Errorf("removing deployment %d of %s: %w", n, name, err)
		}
	}
	return nil
}

// retires lists the deployments that need not be kept after a transition.
func (in *Installer) retires(t transition) ([]int, error) {
	numbers, err := in.deploymentNumbers(t.Name)
	if err != nil || t.From == nil {
		return nil, err
	}
	return surplus(append(numbers, t.To.Deployment), t.To.Deployment, t.From.Deployment, in.Keep), nil
}

// retireSurplus removes the deployments that need not be kept as things are: a change
// was interrupted before it came to that.
func (in *Installer) retireSurplus(ctx context.Context, name string) error {
	current, err := in.currentRecord(name)
	if err != nil {
		return nil //nolint:nilerr // nobody knows what is needed
	}
	previous, err := in.previous(name, current)
	if err != nil {
		return err
	}
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		return err
	}
	return in.retire(ctx, name, surplus(numbers, current.Deployment, previous, in.Keep))
}

// surplus lists the deployments beyond those to be kept: the current one, the one that
// a rollback leads to, and as many of the newest others as there is room for.
func surplus(numbers []int, current, previous, keep int) []int {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	others := slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return n == current || n == previous })
	room := max(keep, 2) - (len(numbers) - len(others))
	return others[:max(0, len(others)-max(0, room))]
}

// holdName is under which name the image store keeps a deployment's commit.
func holdName(r *deployment.Record) string { return holdOf(r.Name, r.Deployment) }

func holdOf(name string, deployment int) string { return name + "/" + strconv.Itoa(deployment) }
