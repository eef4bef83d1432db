package imagestore

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

// Held lists the names of all holds, sorted. No repo is no holds.
func (s *Store) Held(ctx context.Context) ([]string, error) {
	repo, err := ostree.Open(ctx, s.options.Repo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	refs, err := repo.Refs(ctx, containerPrefix)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		names = append(names, strings.TrimPrefix(ref, containerPrefix))
	}
	return names, nil
}
