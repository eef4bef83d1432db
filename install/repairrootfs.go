package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// repairRootfs makes the checkout what the image is, entry by entry: a service may be
// running from it, so that it cannot be replaced as a whole. A second checkout beside
// it is the source; each of its files is renamed over the one that differs.
func (r *repair) repairRootfs(ctx context.Context, v *Verification) (err error) {
	var wrong []drift.Difference
	for _, d := range v.Differences {
		if d.Place == drift.Rootfs {
			wrong = append(wrong, d)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	number := strconv.Itoa(v.Deployment)
	beside := hosttree.TempPrefix + number
	source := path.Join(r.Paths.Deployments(v.Name), beside)
	disk, err := r.Tree.Path(source)
	if err != nil {
		return err
	}
	// A crash leaves it as it leaves a deployment that never became complete.
	defer func() { err = errors.Join(err, r.Tree.RemoveAll(source)) }()
	if err := r.Images.Checkout(ctx, v.record.Image.Commit, disk); err != nil {
		return err
	}
	deployments, err := r.Tree.Follow(r.Paths.Deployments(v.Name))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(deployments)
	if err != nil {
		return err
	}
	defer root.Close()
	c := checkoutRepair{root: root, source: beside, target: path.Join(number, deployment.RootfsDir)}
	if err := c.run(path.Join(r.Paths.Deployment(v.Name, v.Deployment), deployment.RootfsDir), wrong); err != nil {
		return fmt.Errorf("mending the files of %s, deployment %d: %w", v.Name, v.Deployment, err)
	}
	return r.repairMountPoints(v)
}

// repairMountPoints makes the places to mount at that are missing.
func (r *repair) repairMountPoints(v *Verification) error {
	disk, err := r.inDeployment(v.record, deployment.RootfsDir)
	if err != nil {
		return err
	}
	for _, m := range v.record.MountPoints {
		if err := makeMountPoint(disk, m); err != nil {
			return fmt.Errorf("making the mount point %s: %w", m.Path, err)
		}
	}
	return nil
}

// checkoutRepair mends one checkout. Both directories are in root, which nothing
// leads out of.
type checkoutRepair struct {
	root           *os.Root
	source, target string
}

// run mends all that is wrong, above before below; paths are below rootfs.
func (c checkoutRepair) run(rootfs string, wrong []drift.Difference) error {
	slices.SortStableFunc(wrong, func(a, b drift.Difference) int { return cmp.Compare(a.Path, b.Path) })
	var errs []error
	last := ""
	for _, d := range wrong {
		if d.Path == last {
			continue // an entry is mended as a whole
		}
		last = d.Path
		name := strings.TrimPrefix(strings.TrimPrefix(d.Path, rootfs), "/")
		if err := c.entry(name, d.Aspect); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c checkoutRepair) entry(name string, aspect drift.Aspect) error {
	from, to := path.Join(c.source, name), path.Join(c.target, name)
	if aspect == drift.Extra {
		return c.root.RemoveAll(to)
	}
	want, err := c.root.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a mount point
	}
	if err != nil {
		return err
	}
	have, err := c.root.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.root.Rename(from, to)
	case err != nil:
		return err
	case want.IsDir() && have.IsDir():
		return c.likeDirectory(from, to, want)
	case want.IsDir() != have.IsDir():
		if err := c.root.RemoveAll(to); err != nil {
			return err
		}
	}
	return c.root.Rename(from, to)
}

// likeDirectory gives a directory the owner, mode and attributes that the other has.
func (c checkoutRepair) likeDirectory(from, to string, want fs.FileInfo) error {
	owner := want.Sys().(*syscall.Stat_t)
	if err := c.root.Lchown(to, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	source, err := c.root.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := c.root.Open(to)
	if err != nil {
		return err
	}
	defer target.Close()
	return errors.Join(hosttree.SameXattrs(source, target), target.Chmod(want.Mode()))
}
