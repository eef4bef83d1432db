// Package dirlock lets one process at a time have a directory to itself, and tells
// the others who that is. The lock is on the directory, so that no file stays
// behind, and the kernel ends it with its process; who has it is asked of the
// kernel at the moment of asking, so that nothing that is told can be out of date.
package dirlock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process has the directory.
var ErrHeld = errors.New("another process has it")

// Lock is a directory that nobody else has until Release.
type Lock struct{ dir *os.File }

// Try takes the directory at path, which must exist; ErrHeld when it cannot be had
// now, also because it was removed meanwhile by the one who had it.
func Try(path string) (*Lock, error) {
	dir, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrHeld
	}
	if err != nil {
		return nil, fmt.Errorf("locking a directory: %w", err)
	}
	err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK), err == nil && !isStill(dir, path):
		dir.Close()
		return nil, ErrHeld
	case err != nil:
		dir.Close()
		return nil, fmt.Errorf("locking the directory %s: %w", path, err)
	}
	return &Lock{dir: dir}, nil
}

// Release ends the hold. The directory may be gone.
func (l *Lock) Release() { l.dir.Close() }

// isStill reports whether the open directory is the one that the path names.
func isStill(dir *os.File, path string) bool {
	open, err := dir.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
