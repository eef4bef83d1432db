package ostree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Aspect is in what respect an entry of a checkout differs from the commit.
type Aspect string

// The aspects.
const (
	Missing Aspect = "missing"
	Extra   Aspect = "extra"
	Type    Aspect = "type"
	Mode    Aspect = "mode"
	Owner   Aspect = "owner"
	Target  Aspect = "target"
	Xattrs  Aspect = "xattrs"
	Content Aspect = "content"
	// Damaged is a file that is the repo's object, which is not what its name says.
	// What it should be is known by its checksum alone.
	Damaged Aspect = "object"
)

// Difference is an entry of a checkout that is not as the commit has it.
type Difference struct {
	Path       string // in the tree, "/" for its root
	Aspect     Aspect
	Want, Have string
	// Object is the repo's object for the entry; with Damaged it is the entry itself.
	Object string
}

// Compare looks at a checkout of a commit in dir and calls tell with every
// difference: each entry's type, mode, owner, content, target and attributes, and
// entries that the commit does not have. Of those, the paths in own are no
// difference as long as they are directories, or files without content; with a nil own
// they are not looked for at all. A file that
// is a hard link to its object is what that is: the walk looks at each object once.
// An error is that of the comparison itself; what lies below directories that the
// repo cannot tell of is not looked at.
func (w *Walk) Compare(ctx context.Context, commit Checksum, dir string, own map[string]bool, tell func(Difference)) error {
	w.look = w.verify
	root, list, err := w.repo.readRoot(commit)
	if err != nil {
		return err
	}
	fd, err := openDir(unix.AT_FDCWD, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		tell(Difference{Path: "/", Aspect: Missing, Want: "directory"})
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	c := &comparison{walk: w, own: own, tell: tell}
	return c.dir(ctx, fd, "/", root, list)
}

// comparison is one checkout while it is looked at.
type comparison struct {
	walk *Walk
	own  map[string]bool
	tell func(Difference)
}

// dir compares an open directory and all below it.
func (c *comparison) dir(ctx context.Context, fd int, at string, want dirName, list *names) error {
	if err := c.dirMeta(fd, at, want.meta); err != nil {
		return err
	}
	tree, err := c.walk.repo.loadTree(want.content)
	if err != nil {
		return nil //nolint:nilerr // Verify tells of objects that cannot be read
	}
	there, err := namesIn(fd)
	if err != nil {
		return err
	}
	for _, f := range tree.files {
		name, target := list.file(f.name)
		delete(there, name)
		if err := c.file(ctx, fd, at, name, f.sum, target); err != nil {
			return err
		}
	}
	for _, sub := range tree.dirs {
		name, below := list.dir(sub.name)
		delete(there, name)
		if err := c.subdir(ctx, fd, path.Join(at, name), sub, below); err != nil {
			return err
		}
	}
	if c.own == nil {
		return nil
	}
	return c.extras(ctx, fd, at, there)
}

// namesIn lists a directory.
func namesIn(fd int) (map[string]bool, error) {
	again, err := openDir(fd, ".") // the list ends its reading at the end
	if err != nil {
		return nil, err
	}
	dir := os.NewFile(uintptr(again), ".")
	defer dir.Close()
	list, err := dir.Readdirnames(-1)
	there := make(map[string]bool, len(list))
	for _, name := range list {
		there[name] = true
	}
	return there, err
}

func (c *comparison) subdir(ctx context.Context, at int, p string, want dirName, list *names) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fd, err := openDir(at, path.Base(p))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.tell(Difference{Path: p, Aspect: Missing, Want: "directory"})
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		e, err := readEntry(at, path.Base(p))
		c.tell(Difference{Path: p, Aspect: Type, Want: "directory", Have: e.kind()})
		return err
	case err != nil:
		return err
	}
	defer unix.Close(fd)
	return c.dir(ctx, fd, p, want, list)
}

func (c *comparison) dirMeta(fd int, at string, sum Checksum) error {
	have, err := readEntry(fd, ".")
	if err != nil {
		return err
	}
	want, err := c.walk.repo.LoadDirMeta(sum)
	if err != nil {
		return nil //nolint:nilerr // Verify tells of objects that cannot be read
	}
	c.metas(at, "", want, have.Meta)
	return nil
}

// metas tells how the metadata of two entries of one type differs.
func (c *comparison) metas(at, object string, want, have Meta) {
	differs := func(aspect Aspect, want, have string) {
		if want != have {
			c.tell(Difference{Path: at, Aspect: aspect, Want: want, Have: have, Object: object})
		}
	}
	mode := func(m Meta) string { return fmt.Sprintf("%04o", m.Mode&^uint32(TypeMask)) }
	if want.Mode&TypeMask != TypeLink {
		differs(Mode, mode(want), mode(have))
	}
	differs(Owner, fmt.Sprintf("%d:%d", want.UID, want.GID), fmt.Sprintf("%d:%d", have.UID, have.GID))
	differs(Xattrs, shownXattrs(want.Xattrs), shownXattrs(withoutLabel(have.Xattrs, want.Xattrs)))
}

// extras tells of entries that the commit does not have, and of all below them.
func (c *comparison) extras(ctx context.Context, at int, dir string, names map[string]bool) error {
	for name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := path.Join(dir, name)
		e, err := readEntry(at, name)
		if err != nil {
			return err
		}
		isDir := e.Mode&TypeMask == TypeDir
		if !c.own[p] || !isDir && (e.Mode&TypeMask != TypeFile || e.size > 0) {
			c.tell(Difference{Path: p, Aspect: Extra, Have: e.kind()})
		}
		if isDir {
			if err := c.extraDir(ctx, at, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *comparison) extraDir(ctx context.Context, at int, p string) error {
	fd, err := openDir(at, path.Base(p))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	names, err := namesIn(fd)
	if err != nil {
		return err
	}
	return c.extras(ctx, fd, p, names)
}
