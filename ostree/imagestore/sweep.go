package imagestore

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree"
)

// Sweep removes what commands that were killed left: temporaries, half of a repo,
// and what was staged in it. Layers that had arrived stay, since the next pull goes
// on from them; Prune removes them. While somebody else uses the repo nothing in it
// is touched: who comes next can do it.
func (s *Store) Sweep(ctx context.Context) error {
	err := sweepScratch(tempDir(s.options.TempDir))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, s.sweepRepo(ctx))
}

func (s *Store) sweepRepo(ctx context.Context) error {
	if _, err := filepath.EvalSymlinks(filepath.Dir(s.options.Repo)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := s.withRepoAlone(ctx, 0, func(repo *ostree.Repo) error {
		_, err := repo.Sweep()
		return err
	})
	switch {
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, errNoRepo):
		return s.sweepBeside()
	}
	return err
}

// sweepBeside removes what is left of a repo that never came to be.
func (s *Store) sweepBeside() error {
	l, err := tryLockStore(s.options.Repo, alone)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.release()
}
