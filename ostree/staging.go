package ostree

import (
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
// transaction to continue. After an abort of ours nothing shall be left.
const (
	stagingPrefix = "staging-"
	lockSuffix    = "-lock"
)

// dropStaging removes the staging folders that no transaction, of this process
// or another, holds the lock of, and counts what was in them.
func (r *Repo) dropStaging() (dropped Pruned, err error) {
	tmp, err := os.OpenRoot(filepath.Join(r.path, "tmp"))
	if err != nil {
		return dropped, wrap("removing staged objects", err)
	}
	defer tmp.Close()
	list, err := os.ReadDir(tmp.Name())
	if err != nil {
		return dropped, wrap("removing staged objects", err)
	}
	var errs []error
	for _, entry := range list {
		name := entry.Name()
		if entry.IsDir() && strings.HasPrefix(name, stagingPrefix) {
			errs = append(errs, dropStaged(tmp, name, &dropped))
		}
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
	return errors.Join(err, tmp.RemoveAll(name), tmp.Remove(name+lockSuffix))
}
