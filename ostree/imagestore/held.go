package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

var holdName = regexp.MustCompile(`^[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*$`)

// Hold keeps a commit from being pruned for as long as name, such as "etcd/3",
// holds it. Holding another commit under the same name replaces the first.
func (s *Store) Hold(ctx context.Context, name, commit string) error {
	sum, err := ostree.ParseChecksum(commit)
	if err != nil {
		return err
	}
	return s.withHold(ctx, name, func(repo *ostree.Repo, ref string) error {
		return setRef(ctx, repo, ref, sum)
	})
}

// Release ends a Hold. It is idempotent, and no repo is fine. The objects stay
// until the next Remove.
func (s *Store) Release(ctx context.Context, name string) error {
	err := s.withHold(ctx, name, func(repo *ostree.Repo, ref string) error {
		return repo.DeleteRef(ctx, ref)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *Store) withHold(ctx context.Context, name string, change func(*ostree.Repo, string) error) error {
	if !holdName.MatchString(name) {
		return fmt.Errorf("holding an image as %q: want NAME/NUMBER", name)
	}
	return s.withRepo(ctx, func(repo *ostree.Repo) error { return change(repo, containerPrefix+name) })
}

// Held lists the names of all holds, sorted. No repo is no holds.
func (s *Store) Held(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(repo *ostree.Repo) error {
		refs, err := repo.Refs(ctx, containerPrefix)
		for _, ref := range slices.Sorted(maps.Keys(refs)) {
			names = append(names, strings.TrimPrefix(ref, containerPrefix))
		}
		return err
	})
	return names, err
}
