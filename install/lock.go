package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syscontainer/syscontainer/install/dirlock"
	"github.com/syscontainer/syscontainer/install/hint"
)

// statePerm keeps the state directory for the superuser: images hold setuid
// programs, and configurations hold values that may be secret.
const statePerm = 0o700

// WaitForever is an [Installer.WaitLock] without limit.
const WaitForever time.Duration = -1

// ErrLocked says that another process is changing the host.
var ErrLocked = errors.New("another syscontainer is changing the host")

// lock makes the caller the only writer on this host and returns how to stop
// being that; ErrLocked when another one does not end within in.WaitLock. The lock
// is on the state directory itself, so that no file stays behind; an empty state
// directory is removed again, with what was made for it. A systemd that does not answer
// is an error here, before anything is changed.
func (in *Installer) lock(ctx context.Context) (func(), error) {
	const interval = 100 * time.Millisecond
	if err := in.Services.Ready(); err != nil {
		return nil, err
	}
	began := time.Now()
	for told := false; ; {
		unlock, err := in.tryLock()
		if !errors.Is(err, dirlock.ErrHeld) {
			return unlock, err
		}
		if in.WaitLock >= 0 && time.Since(began) >= in.WaitLock {
			return nil, hint.Add(fmt.Errorf("%w%s", ErrLocked, in.lockHolder()), "wait until it has ended, with: --wait-lock DURATION")
		}
		if !told {
			in.Log.Warn("waiting: " + ErrLocked.Error() + in.lockHolder())
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting: %w%s: %w", ErrLocked, in.lockHolder(), ctx.Err())
		case <-time.After(interval):
		}
	}
}

// lockHolder says who has the lock, behind the words of ErrLocked; "" when nobody
// can tell.
func (in *Installer) lockHolder() string {
	disk, err := in.Tree.Follow(in.Paths.State)
	if err != nil {
		return ""
	}
	holder, known := dirlock.HolderOf(disk)
	if !known {
		return ""
	}
	return ": " + holder.String()
}

// tryLock takes the lock; dirlock.ErrHeld when it cannot be had now.
func (in *Installer) tryLock() (func(), error) {
	made, err := in.Tree.MkdirAll(in.Paths.State, statePerm)
	if err != nil {
		return nil, err
	}
	disk, err := in.Tree.Follow(in.Paths.State)
	if err != nil {
		return nil, err
	}
	lock, err := dirlock.Try(disk)
	if err != nil {
		return nil, err
	}
	return func() { in.unlock(lock, made) }, nil
}

func (in *Installer) unlock(lock *dirlock.Lock, made []string) {
	slices.Reverse(made)
	for _, p := range append([]string{in.Paths.Containers(), in.Paths.Mounts(), in.Paths.State}, made...) {
		if err := in.Tree.RemoveIfEmpty(p); err != nil {
			in.Log.Warn("tidying the state directory", "error", err)
		}
	}
	lock.Release()
}
