package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree"
)

// storeLock is a hold on the place where the repo is, or will be. libostree's own
// lock is in the repo and cannot say who may make and remove that. Who uses the
// repo for longer than a look shares the lock; who removes something from it has
// the lock alone.
//
// It is the file REPO.lock. It goes with the repo, so that a repo that is gone
// has left nothing.
type storeLock struct {
	repo string
	file *os.File
}

// lockMode is how a storeLock is held.
type lockMode int

const (
	shared lockMode = unix.LOCK_SH
	alone  lockMode = unix.LOCK_EX
)

// lockPatience is how long a removal waits for others, such as pulls.
const lockPatience = 30 * time.Second

// lockStore waits for the lock until ctx ends. The repo's parent must exist.
func lockStore(ctx context.Context, repo string, mode lockMode) (*storeLock, error) {
	const interval = 20 * time.Millisecond
	for {
		l, err := tryLockStore(repo, mode)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for others that use the repo %q: %w", repo, ctx.Err())
		case <-time.After(interval):
		}
	}
}

// tryLockStore returns unix.EWOULDBLOCK when the lock cannot be had now.
func tryLockStore(repo string, mode lockMode) (*storeLock, error) {
	f, err := os.OpenFile(repo+".lock", os.O_RDONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the repo: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), int(mode)|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	if there, err := os.Lstat(f.Name()); err != nil || !sameFile(f, there) {
		f.Close()
		return nil, unix.EWOULDBLOCK // it went, with the repo
	}
	return &storeLock{repo: repo, file: f}, nil
}

// release ends the hold. The last one removes what those have left who were killed
// when they made or removed the repo, and the file when there is no repo.
func (l *storeLock) release() error {
	defer l.file.Close()
	if unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil // somebody else has it, and will do the same
	}
	if there, err := os.Lstat(l.file.Name()); err != nil || !sameFile(l.file, there) {
		return nil
	}
	err := ostree.Sweep(l.repo)
	if _, there := os.Lstat(l.repo); errors.Is(there, fs.ErrNotExist) {
		err = errors.Join(err, os.Remove(l.file.Name()))
	}
	return err
}

// lockToMake is lockStore for who is going to make the repo, with its parent,
// which another may remove meanwhile. It returns the directories that it made.
func lockToMake(ctx context.Context, repo string) (l *storeLock, made madeDirs, err error) {
	for {
		more, err := makeDirs(filepath.Dir(repo))
		if len(more) > 0 {
			made = more
		}
		if err != nil {
			return nil, made, err
		}
		l, err := lockStore(ctx, repo, shared)
		if !errors.Is(err, fs.ErrNotExist) {
			return l, made, err
		}
	}
}

// lockPresent is lockStore, shared, for who would make the repo later: nil when it
// is not there yet.
func lockPresent(ctx context.Context, repo string) (*storeLock, error) {
	if _, err := os.Lstat(repo); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // documented
	}
	l, err := lockStore(ctx, repo, shared)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(repo); errors.Is(err, fs.ErrNotExist) {
		return nil, l.release()
	}
	return l, nil
}

// errNoRepo says that there is no repo, not that something in it is missing.
var errNoRepo = fmt.Errorf("there is no repo: %w", fs.ErrNotExist)

// repoThere tells whether there is a repo, by errNoRepo.
func repoThere(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoRepo
	}
	return err
}

// withRepo does work on a repo that nobody removes, or takes anything from,
// meanwhile. No repo is errNoRepo.
func (s *Store) withRepo(ctx context.Context, work func(*ostree.Repo) error) (err error) {
	if err := repoThere(s.options.Repo); err != nil {
		return err
	}
	l, err := lockStore(ctx, s.options.Repo, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := repoThere(s.options.Repo); err != nil { // it went while we waited
		return err
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return err
	}
	defer repo.Close()
	return work(repo)
}

// withRepoAlone does work on a repo that nobody else uses, and removes the repo if
// the work left no ref in it. No repo is errNoRepo.
func (s *Store) withRepoAlone(ctx context.Context, patience time.Duration, work func(*ostree.Repo) error) (err error) {
	if err := repoThere(s.options.Repo); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := lockStore(limited, s.options.Repo, alone)
	if err != nil {
		return err
	}
	empty, err := workAlone(ctx, s.options.Repo, work)
	if err == nil && empty {
		err = ostree.Remove(s.options.Repo)
	}
	return errors.Join(err, l.release())
}

// workAlone tells whether the repo has no refs after the work.
func workAlone(ctx context.Context, path string, work func(*ostree.Repo) error) (empty bool, err error) {
	if err := repoThere(path); err != nil { // it went while we waited
		return false, err
	}
	repo, err := ostree.Open(ctx, path)
	if err != nil {
		return false, err
	}
	defer repo.Close()
	unlock, err := repo.Lock(ctx) // also against ostree's own commands
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := work(repo); err != nil {
		return false, err
	}
	refs, err := repo.Refs(ctx, "")
	return err == nil && len(refs) == 0, err
}
