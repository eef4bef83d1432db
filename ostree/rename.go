package ostree

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// giveNames gives the files of a checkout their true names, where the repo has
// stand-ins. It goes from directory to directory by descriptors: a path may be
// longer than the kernel takes, and nothing leads out of the checkout.
func (r *Repo) giveNames(ctx context.Context, c *Commit, dir string) error {
	list, err := parseNames(c.Value(keyNames))
	if err != nil || list == nil {
		return err
	}
	fd, err := openDir(unix.AT_FDCWD, dir)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return r.giveNamesIn(ctx, fd, c.root, list)
}

func openDir(at int, name string) (int, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

func (r *Repo) giveNamesIn(ctx context.Context, fd int, content Checksum, list *names) error {
	object, err := r.loadTree(content)
	if err != nil {
		return err
	}
	if err := list.check(object); err != nil {
		return err
	}
	for _, d := range object.dirs {
		if _, below := list.dir(d.name); below != nil {
			if err := r.giveNamesBelow(ctx, fd, d, below); err != nil {
				return err
			}
		}
	}
	g := namer{repo: r, fd: fd, list: list, sums: make(map[string]Checksum), done: make(map[string]bool)}
	for _, f := range object.files {
		g.sums[f.name] = f.sum
	}
	for held := range list.entries {
		if err := g.entry(ctx, held); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (r *Repo) giveNamesBelow(ctx context.Context, fd int, d dirName, below *names) error {
	sub, err := openDir(fd, d.name)
	if err != nil {
		return err
	}
	defer unix.Close(sub)
	return r.giveNamesIn(ctx, sub, d.content, below)
}

// namer gives the entries of one directory their names.
type namer struct {
	repo *Repo
	fd   int
	list *names
	sums map[string]Checksum // of files
	done map[string]bool
}

// entry names what is held under a name. Who still has the name that it shall
// get must get its own before: a name may look like a stand-in. No two can wait
// for each other, or SHA-256 would be broken.
func (g *namer) entry(ctx context.Context, held string) error {
	e := g.list.entries[held]
	if e == nil || g.done[held] {
		return ctx.Err()
	}
	g.done[held] = true
	err := g.entry(ctx, e.name)
	switch {
	case err != nil:
		return err
	case e.target == "":
		err = g.rename(held, e.name)
	default:
		err = g.symlink(ctx, held, e)
	}
	if err != nil {
		return fmt.Errorf("naming %q: %w", e.name, err)
	}
	return nil
}

func (g *namer) rename(from, to string) error {
	if from == to {
		return nil
	}
	return os.NewSyscallError("renameat2", unix.Renameat2(g.fd, from, g.fd, to, unix.RENAME_NOREPLACE))
}

// symlink makes a symlink that has a stand-in for a target anew: no object can be
// what it is.
func (g *namer) symlink(ctx context.Context, held string, e *trueName) error {
	object, err := g.repo.LoadFile(ctx, g.sums[held])
	if err != nil {
		return err
	}
	object.Close()
	if object.Mode&TypeMask != TypeLink || object.Target != targetStandIn(e.target) {
		return fmt.Errorf("%w: %s is not the symlink that it tells of", errNames, g.sums[held])
	}
	if err := unix.Unlinkat(g.fd, held, 0); err != nil {
		return os.NewSyscallError("unlinkat", err)
	}
	if err := unix.Symlinkat(e.target, g.fd, e.name); err != nil {
		return os.NewSyscallError("symlinkat", err)
	}
	return setLinkMeta(g.fd, e.name, object.Meta)
}
