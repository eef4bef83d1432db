package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// statePerm keeps the state directory for the superuser: images hold setuid
// programs, and configurations hold values that may be secret.
const statePerm = 0o700

// lock makes the caller the only writer on this host and returns how to stop
// being that. The lock is on the state directory itself, so that no file stays
// behind; an empty state directory is removed again, with what was made for it.
func (in *Installer) lock(ctx context.Context) (func(), error) {
	const interval = 100 * time.Millisecond
	for told := false; ; {
		made, err := in.Tree.MkdirAll(in.Paths.State, statePerm)
		if err != nil {
			return nil, err
		}
		dir, err := in.tryLock()
		if err == nil {
			return func() { in.unlock(dir, made) }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		}
		if !told {
			in.Log.Warn("waiting for another syscontainer to finish")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another syscontainer to finish: %w", ctx.Err())
		case <-time.After(interval):
		}
	}
}

// tryLock returns the locked state directory, or syscall.EWOULDBLOCK.
func (in *Installer) tryLock() (*os.File, error) {
	disk, err := in.Tree.Follow(in.Paths.State)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(disk)
	if errors.Is(err, os.ErrNotExist) { // removed by the one who had the lock
		return nil, syscall.EWOULDBLOCK
	}
	if err != nil {
		return nil, fmt.Errorf("locking the state directory: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, fmt.Errorf("locking the state directory: %w", err)
	}
	if !isStill(dir, disk) {
		dir.Close()
		return nil, syscall.EWOULDBLOCK
	}
	return dir, nil
}

// isStill reports whether the open directory is the one that the path names.
func isStill(dir *os.File, path string) bool {
	open, err := dir.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

func (in *Installer) unlock(dir *os.File, made []string) {
	slices.Reverse(made)
	for _, p := range append([]string{in.Paths.Containers(), in.Paths.Mounts(), in.Paths.State}, made...) {
		if err := in.Tree.RemoveIfEmpty(p); err != nil {
			in.Log.Warn("tidying the state directory", "error", err)
		}
	}
	dir.Close()
}
