package hosttree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// MkdirAll makes the directory p and those above it that are missing, with mode
// perm. It returns the paths that it made, the uppermost first.
func (t *Tree) MkdirAll(p string, perm fs.FileMode) ([]string, error) {
	var missing []string
	for dir := filepath.Clean("/" + p); dir != "/"; dir = filepath.Dir(dir) {
		info, err := t.Stat(dir)
		if err == nil && !info.IsDir() {
			return nil, fmt.Errorf("making the directory %s: %s is not a directory", p, dir)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("making the directory %s: %w", p, err)
		}
		missing = append([]string{dir}, missing...)
	}
	for _, dir := range missing {
		disk, err := t.Follow(dir)
		if err != nil {
			return nil, err
		}
		if err := os.Mkdir(disk, perm); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("making the directory %s: %w", dir, err)
		}
		if err := syncPath(filepath.Dir(disk)); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// WriteFile makes p a file with this content, owned by the caller, atomically
// and durably. The directory above must exist.
func (t *Tree) WriteFile(p string, data []byte, perm fs.FileMode) error {
	return t.replace(p, func(tmp string) error {
		if err := writeNew(tmp, bytes.NewReader(data), perm); err != nil {
			return err
		}
		return syncPath(tmp)
	})
}

// Symlink makes p a symbolic link to target, owned by uid and gid.
func (t *Tree) Symlink(target, p string, uid, gid int) error {
	return t.replace(p, func(tmp string) error {
		if err := os.Symlink(target, tmp); err != nil {
			return err
		}
		return os.Lchown(tmp, uid, gid)
	})
}

// Rename moves from to to, both paths of the host and in one directory, and makes
// that durable.
func (t *Tree) Rename(from, to string) error {
	source, err := t.Path(from)
	if err != nil {
		return err
	}
	target, err := t.Path(to)
	if err != nil {
		return err
	}
	if err := os.Rename(source, target); err != nil {
		return fmt.Errorf("moving %s: %w", from, err)
	}
	return syncPath(filepath.Dir(target))
}

// Remove removes the file, link or empty directory at p. It is no error when
// there is none.
func (t *Tree) Remove(p string) error {
	disk, err := t.Path(p)
	if err != nil {
		return err
	}
	err = os.Remove(disk)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", p, err)
	}
	return syncPath(filepath.Dir(disk))
}

// RemoveIfEmpty removes the directory at p when nothing is in it.
func (t *Tree) RemoveIfEmpty(p string) error {
	disk, err := t.Path(p)
	if err != nil {
		return err
	}
	removed, err := rmdir(disk)
	if err != nil {
		return fmt.Errorf("removing %s: %w", p, err)
	}
	if !removed {
		return nil
	}
	return syncPath(filepath.Dir(disk))
}

// rmdir removes a directory on disk when it is there and empty.
func rmdir(disk string) (removed bool, err error) {
	// A read-only file system refuses to remove even what is not there, or not empty.
	entries, err := os.ReadDir(disk)
	if errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return false, nil
	}
	err = unix.Rmdir(disk)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTEMPTY),
		errors.Is(err, syscall.EEXIST), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EBUSY):
		return false, nil
	}
	return err == nil, err
}

// RemoveAll removes p and all below it. It never follows a symbolic link. It is
// neither atomic nor durable: a crash may leave a part, which can be removed again.
func (t *Tree) RemoveAll(p string) error {
	disk, err := t.Path(p)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(disk); err != nil {
		return fmt.Errorf("removing %s: %w", p, err)
	}
	return nil
}

// Sync writes everything that is cached of the file system of p to its disk.
func (t *Tree) Sync(p string) error {
	disk, err := t.Follow(p)
	if err != nil {
		return err
	}
	dir, err := os.Open(disk)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", p, err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("syncing the file system of %s: %w", p, err)
	}
	return nil
}

// replace has create make an entry under a new name beside p and renames it to p.
// After an error p is what it was, and the new name is gone.
func (t *Tree) replace(p string, create func(tmp string) error) error {
	disk, err := t.Path(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(disk)
	tmp := unusedName(dir, filepath.Base(disk))
	err = create(tmp)
	if err == nil {
		err = os.Rename(tmp, disk)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", p, errors.Join(err, removeIfThere(tmp)))
	}
	return syncPath(dir)
}

// writeNew makes a file that must not exist. It is not durable yet.
func writeNew(path string, content io.Reader, perm fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, perm)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	// The umask must not decide how a file of the host looks.
	if err := file.Chmod(perm); err != nil {
		return err
	}
	return file.Close()
}

// syncPath makes the file or directory at path durable: content and metadata, or
// names.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
