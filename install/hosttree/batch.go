package hosttree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Meta is what an entry has beside its content.
type Meta struct {
	Mode fs.FileMode // permission bits, with setuid, setgid and sticky
	UID  int
	GID  int
	// Xattrs is a path on disk: the entry gets its extended attributes, but for the
	// label of SELinux. "" gives none.
	Xattrs string
}

// A Batch makes and removes many entries, and waits for the disk once: an fsync for
// each would take minutes for thousands. Files and links are prepared under other
// names beside their places and take these in Commit, when their contents are durable;
// so a power cut finds the old entry or the new one, whatever the batch's size.
// Directories and removals take effect at once, and are durable after Commit.
//
// A batch is for one goroutine, and ends with Commit or Discard.
type Batch struct {
	tree     *Tree
	prepared []prepared
	// disks has an open directory for each file system that was changed.
	disks map[uint64]*os.File
	seen  map[string]bool // directories whose file system is known
}

// prepared is an entry under its other name.
type prepared struct {
	path      string // as the host has it
	tmp, disk string
}

// Batch begins a batch.
func (t *Tree) Batch() *Batch {
	return &Batch{tree: t, disks: map[uint64]*os.File{}, seen: map[string]bool{}}
}

// CopyIn makes p a copy of the file at source, a path on disk, with meta.
func (b *Batch) CopyIn(source, p string, meta Meta) error {
	return b.prepare(p, func(tmp string) error {
		in, _, err := openRegular(source)
		if err != nil {
			return err
		}
		defer in.Close()
		if err := writeNew(tmp, in, 0o600); err != nil {
			return err
		}
		return meta.give(tmp)
	})
}

// LinkIn makes p a hard link to the file at source, a path on disk. Where the
// two are on different file systems the error is syscall.EXDEV.
func (b *Batch) LinkIn(source, p string) error {
	return b.prepare(p, func(tmp string) error { return os.Link(source, tmp) })
}

// Symlink makes p a symbolic link to target. The mode of meta means nothing.
func (b *Batch) Symlink(target, p string, meta Meta) error {
	return b.prepare(p, func(tmp string) error {
		if err := os.Symlink(target, tmp); err != nil {
			return err
		}
		if err := os.Lchown(tmp, meta.UID, meta.GID); err != nil {
			return err
		}
		return copyXattrs(meta.Xattrs, tmp)
	})
}

// give makes a file or directory have what meta says.
func (m Meta) give(disk string) error {
	// chown clears setuid and file capabilities, so they come after it.
	if err := os.Lchown(disk, m.UID, m.GID); err != nil {
		return err
	}
	if err := copyXattrs(m.Xattrs, disk); err != nil {
		return err
	}
	return os.Chmod(disk, m.Mode)
}

// prepare has create make an entry under a new name beside p. After an error it is gone.
func (b *Batch) prepare(p string, create func(tmp string) error) error {
	disk, err := b.tree.Path(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(disk)
	tmp := unusedName(dir, filepath.Base(disk))
	if err := errors.Join(create(tmp), b.touch(dir)); err != nil {
		return fmt.Errorf("writing %s: %w", p, errors.Join(err, removeIfThere(tmp)))
	}
	b.prepared = append(b.prepared, prepared{path: p, tmp: tmp, disk: disk})
	return nil
}

// Mkdir makes the directory p with meta; the one above must exist. One that exists,
// or a link to one, is left as it is.
func (b *Batch) Mkdir(p string, meta Meta) error {
	if info, err := b.tree.Stat(p); err == nil && info.IsDir() {
		return nil
	}
	disk, err := b.tree.Path(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(disk)
	tmp := unusedName(dir, filepath.Base(disk))
	err = os.Mkdir(tmp, 0o700)
	if err == nil {
		err = meta.give(tmp)
	}
	if err == nil {
		err = os.Rename(tmp, disk)
	}
	if err := errors.Join(err, b.touch(dir)); err != nil {
		return fmt.Errorf("making the directory %s: %w", p, errors.Join(err, removeIfThere(tmp)))
	}
	return nil
}

// Remove removes the file, link or empty directory at p. It is no error when
// there is none.
func (b *Batch) Remove(p string) error {
	disk, err := b.tree.Path(p)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(disk); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(b.touch(filepath.Dir(disk)), removeIfThere(disk)); err != nil {
		return fmt.Errorf("removing %s: %w", p, err)
	}
	return nil
}

// RemoveIfEmpty removes the directory at p when nothing is in it.
func (b *Batch) RemoveIfEmpty(p string) error {
	disk, err := b.tree.Path(p)
	if err != nil {
		return err
	}
	removed, err := rmdir(disk)
	if removed {
		err = b.touch(filepath.Dir(disk))
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", p, err)
	}
	return nil
}

// touch notes that names in a directory on disk change, and keeps hold of its file
// system: the directory itself may go.
func (b *Batch) touch(dir string) error {
	if b.seen[dir] {
		return nil
	}
	b.seen[dir] = true
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, known := b.disks[stat.Dev]; known {
		return file.Close()
	}
	b.disks[stat.Dev] = file
	return nil
}

// Commit makes everything durable and gives the prepared entries their names. After
// an error some may have them; the others are gone.
func (b *Batch) Commit() error {
	err := b.sync()
	for i := 0; err == nil && i < len(b.prepared); i++ {
		err = b.prepared[i].place()
	}
	if err == nil && len(b.prepared) > 0 {
		err = b.sync()
	}
	return errors.Join(err, b.end(err))
}

// place gives a prepared entry its name.
func (p prepared) place() error {
	if err := os.Rename(p.tmp, p.disk); err != nil {
		return fmt.Errorf("writing %s: %w", p.path, err)
	}
	// A rename does nothing when both names are links to one file.
	if err := removeIfThere(p.tmp); err != nil {
		return fmt.Errorf("writing %s: %w", p.path, err)
	}
	return nil
}

// Discard removes what is prepared, and leaves what has taken effect.
func (b *Batch) Discard() error { return b.end(errDiscarded) }

var errDiscarded = errors.New("discarded")

// end closes the batch; with an error, what is still under another name goes.
func (b *Batch) end(because error) error {
	var errs []error
	for _, p := range b.prepared {
		if because != nil {
			errs = append(errs, removeIfThere(p.tmp))
		}
	}
	for _, file := range b.disks {
		errs = append(errs, file.Close())
	}
	b.prepared, b.disks, b.seen = nil, nil, nil
	return errors.Join(errs...)
}

// sync writes what is cached of every file system that was changed to its disk.
func (b *Batch) sync() error {
	for _, file := range b.disks {
		if err := unix.Syncfs(int(file.Fd())); err != nil {
			return fmt.Errorf("syncing the file system of %s: %w", file.Name(), err)
		}
	}
	return nil
}
