package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// libostree keeps the objects of a transaction in tmp/staging-BOOT-XXXXXX until
// it is committed, and leaves that folder behind after an abort, for a later
// transaction to continue; so does a process that is killed. What is in there
// cannot be relied on: its large files were [spooled] and are gone.
const (
	stagingPrefix = "staging-"
	lockSuffix    = "-lock"
)

// prepare begins a transaction of libostree in a staging folder that is new.
// Each turn more is one folder that somebody left, and that is gone after it.
func (r *Repo) prepare(ctx context.Context, cancel *C.GCancellable) (err error) {
	// Who has the repo alone may want to remove folders: wait for that one first.
	unlock, err := r.LockShared(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	for {
		inherited, err := r.prepareOnce(cancel)
		if err != nil || !inherited {
			return err
		}
		if err := r.abandon(); err != nil {
			return err
		}
	}
}

// prepareOnce tells whether there may be something of another in the folder.
func (r *Repo) prepareOnce(cancel *C.GCancellable) (inherited bool, err error) {
	done, err := r.lockFolders()
	if err != nil {
		return false, err
	}
	defer done()
	var resumed C.gboolean
	var gerr *C.GError
	if C.ostree_repo_prepare_transaction(r.c, &resumed, cancel, &gerr) == 0 {
		return false, failure(gerr)
	}
	return resumed != 0, nil
}

// lockFolders keeps staging folders from being removed between their making and
// their locking, which are two steps of libostree. It is held for moments.
func (r *Repo) lockFolders() (unlock func(), err error) {
	tmp, err := os.Open(filepath.Join(r.path, "tmp"))
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(tmp.Fd()), unix.LOCK_EX); err != nil {
		tmp.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return func() { tmp.Close() }, nil
}

// abandon ends a transaction of libostree and removes what was staged. Another
// that meets it in between does not go on with it, see prepare.
func (r *Repo) abandon() error {
	var gerr *C.GError
	if C.ostree_repo_abort_transaction(r.c, nil, &gerr) == 0 {
		return failure(gerr)
	}
	_, err := r.dropStaging()
	return err
}

// dropStaging removes the staging folders that no transaction, of this process
// or another, holds the lock of, and counts what was in them.
func (r *Repo) dropStaging() (dropped Pruned, err error) {
	done, err := r.lockFolders()
	if err != nil {
		return dropped, wrap("removing staged objects", err)
	}
	defer done()
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
		if strings.HasPrefix(entry.Name(), stagingPrefix) {
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
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(lock.Fd(), unix.F_OFD_SETLK, &whole); err != nil {
		return nil // somebody is at work there
	}
	if there, err := tmp.Lstat(name + lockSuffix); err != nil || !isFile(lock, there) {
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

func isFile(f *os.File, there fs.FileInfo) bool {
	opened, err := f.Stat()
	return err == nil && os.SameFile(opened, there)
}
