package ostree

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The objects of a transaction stand in a folder of its own until they get their names:
// tmp/staging-syscontainer-RANDOM. Who has the lock of the file beside it is at work
// there; what nobody has a lock of was left by a process that is gone. libostree has
// folders of that kind for its own transactions, tmp/staging-BOOT-RANDOM with the same
// kind of lock, and removes ours, too, when nobody has the lock.
const (
	stagingPrefix = "staging-"
	ownPrefix     = stagingPrefix + "syscontainer-"
	lockSuffix    = "-lock"
)

// staging is such a folder. Objects stand in it as they do below objects/, in a folder
// for each first byte of their checksums, which is made when it is needed.
type staging struct {
	dir, lock *os.File
}

// newStaging makes a folder and takes its lock.
func (r *Repo) newStaging() (*staging, error) {
	const attempts = 100
	for range attempts {
		name := filepath.Join(r.path, "tmp", ownPrefix+rand.Text())
		lock, err := os.OpenFile(name+lockSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		if !lockWhole(lock) || !stands(lock) {
			lock.Close() // somebody took it for what a killed process left
			continue
		}
		err = os.Mkdir(name, 0o700)
		var dir *os.File
		if err == nil {
			dir, err = os.Open(name)
		}
		s := &staging{dir: dir, lock: lock}
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(name), s.unlock())
		}
		return s, nil
	}
	return nil, errors.New("somebody removes each folder for a transaction")
}

// lockWhole takes the lock of a file; false when somebody else has it.
func lockWhole(f *os.File) bool {
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole) == nil
}

// remove removes the folder with what is in it.
func (s *staging) remove() error {
	return errors.Join(os.RemoveAll(s.dir.Name()), s.dir.Close(), s.unlock())
}

func (s *staging) unlock() error { return errors.Join(os.Remove(s.lock.Name()), s.lock.Close()) }

// make does what puts something into the folder under the name of an object, once more
// if there was no folder for it.
func (s *staging) make(name string, do func(dir int, name string) error) error {
	dir := int(s.dir.Fd())
	err := do(dir, name)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := unix.Mkdirat(dir, filepath.Dir(name), 0o775); err != nil && !errors.Is(err, unix.EEXIST) {
		return os.NewSyscallError("mkdirat", err)
	}
	return do(dir, name)
}

// publish gives the objects their names. What the repo has already stays as it is there.
func (s *staging) publish(objects *os.File) error {
	entries, err := os.ReadDir(s.dir.Name())
	if err != nil {
		return err
	}
	errs := make([]error, len(entries))
	var group sync.WaitGroup
	const half = 2
	for part := range half { // renames in different folders do not wait for each other
		group.Go(func() {
			for i := part; i < len(entries); i += half {
				if entries[i].IsDir() {
					errs[i] = publishFolder(int(s.dir.Fd()), int(objects.Fd()), entries[i].Name())
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// publishFolder moves a folder, where the repo has none of that name, or else what is in it.
func publishFolder(from, to int, name string) error {
	err := unix.Renameat2(from, name, to, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EEXIST) {
		return os.NewSyscallError("renameat2", err)
	}
	source, err := openDir(from, name)
	if err != nil {
		return err
	}
	staged := os.NewFile(uintptr(source), name)
	defer staged.Close()
	target, err := openDir(to, name)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	names, err := staged.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, object := range names {
		err := unix.Renameat2(source, object, target, object, unix.RENAME_NOREPLACE)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return os.NewSyscallError("renameat2", err)
		}
	}
	_ = unix.Unlinkat(from, name, unix.AT_REMOVEDIR) // if there is nothing left
	return nil
}

// dropStaging removes the staging folders that begin with prefix and that no
// transaction, of this process or another, holds the lock of, and counts what was in
// them. libostree makes a folder before it takes its lock: who removes folders of
// libostree must have the repo alone.
func (r *Repo) dropStaging(prefix string) (dropped Pruned, err error) {
	tmp, err := os.OpenRoot(filepath.Join(r.path, "tmp"))
	if err != nil {
		return dropped, wrap("removing staged objects", err)
	}
	defer tmp.Close()
	list, err := os.ReadDir(tmp.Name())
	if err != nil {
		return dropped, wrap("removing staged objects", err)
	}
	folders := make(map[string]bool)
	for _, entry := range list {
		if strings.HasPrefix(entry.Name(), prefix) {
			// Of one that was killed there may be the lock alone.
			folders[strings.TrimSuffix(entry.Name(), lockSuffix)] = true
		}
	}
	var errs []error
	for name := range folders {
		errs = append(errs, dropStaged(tmp, name, &dropped))
	}
	return dropped, errors.Join(errs...)
}

// dropStaged removes one staging folder and its lock, the lock last: whoever
// waits for it looks whether the file is still there.
func dropStaged(tmp *os.Root, name string, dropped *Pruned) error {
	lock, err := tmp.OpenFile(name+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return wrap("removing staged objects", err)
	}
	defer lock.Close()
	if !lockWhole(lock) {
		return nil // somebody is at work there
	}
	if !stands(lock) {
		return nil // its owner left just now, and another may have it with a new lock
	}
	err = fs.WalkDir(tmp.FS(), name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			dropped.Objects++
			dropped.Bytes += uint64(info.Size())
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, tmp.RemoveAll(name), tmp.Remove(name+lockSuffix))
}

// stands tells whether the file still has its name.
func stands(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(opened, there)
}
