package imagestore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// scratchPrefix begins the names of the scratch directories.
const scratchPrefix = "syscontainer-scratch-"

// scratch is a directory for one call, for whatever containers/image writes. It
// is locked for as long as it is in use: what a killed process left is removed
// by the next call.
type scratch struct {
	dir  string
	lock *os.File
	made madeDirs
}

// tempDir is where scratch directories are: "" is the system's directory for
// temporaries.
func tempDir(option string) string { return cmp.Or(option, os.TempDir()) }

// newScratch makes a scratch directory in parent, which is made as well.
func newScratch(parent string) (*scratch, error) {
	parent = tempDir(parent)
	const attempts = 10 // others may remove an empty parent, or sweep too early
	var last error
	for range attempts {
		made, err := makeDirs(parent)
		if err != nil {
			return nil, err
		}
		s, err := lockedTemp(parent)
		if err == nil {
			s.made = made
			return s, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("making a temporary directory: %w", err)
		}
		last = err
	}
	return nil, fmt.Errorf("making a temporary directory: %w", last)
}

// lockedTemp makes a directory and takes its lock; fs.ErrNotExist when somebody
// swept it up in between.
func lockedTemp(parent string) (*scratch, error) {
	dir, err := os.MkdirTemp(parent, scratchPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := holdDir(dir)
	if err == nil && lock == nil {
		err = fs.ErrNotExist // it is being swept up
	}
	if err != nil {
		return nil, err
	}
	return &scratch{dir: dir, lock: lock}, nil
}

// lockDir locks a directory; nil when somebody else has it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil //nolint:nilnil // documented
		}
		return nil, os.NewSyscallError("flock", err)
	}
	if there, err := os.Lstat(dir); err != nil || !sameFile(f, there) {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// holdDir is lockDir, but that a directory need not be locked where nothing can be, such
// as on NFS. Nobody sweeps there either.
func holdDir(dir string) (*os.File, error) {
	f, err := lockDir(dir)
	if errors.Is(err, unix.EBADF) || errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.EOPNOTSUPP) {
		return os.Open(dir)
	}
	return f, err
}

func sameFile(f *os.File, there fs.FileInfo) bool {
	opened, err := f.Stat()
	return err == nil && os.SameFile(opened, there)
}

// sweepScratch removes the scratch directories in parent that nobody uses.
func sweepScratch(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("looking for abandoned temporaries: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), scratchPrefix) {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		lock, err := lockDir(dir)
		if err != nil || lock == nil {
			continue // in use, gone, or somebody else's
		}
		err = os.RemoveAll(dir)
		lock.Close()
		if err != nil {
			return fmt.Errorf("removing abandoned temporaries: %w", err)
		}
	}
	return nil
}

// close removes the directory, and those that were made for it and are empty.
func (s *scratch) close() error {
	err := os.RemoveAll(s.dir)
	s.lock.Close()
	s.made.undo()
	return err
}

// madeDirs are directories that makeDirs made, the lowest first.
type madeDirs []string

// makeDirs makes dir and what leads to it. A directory that keeps images is the
// superuser's alone: setuid programs of images are not for everyone to start.
func makeDirs(dir string) (made madeDirs, err error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, at)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return made, fmt.Errorf("making a directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return made, fmt.Errorf("making a directory: %w", err)
	}
	return made, nil
}

// undo removes those of the directories that are there and empty.
func (m madeDirs) undo() {
	for _, dir := range m {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}
