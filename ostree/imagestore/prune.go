package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// PruneOptions say what is not needed any more. The zero value is careful.
type PruneOptions struct {
	// Unused adds the images that have a name and that no container uses.
	Unused bool
}

// Pruned is what a prune removed.
type Pruned struct {
	// Images have the names of the images that went, or what they were pulled
	// as when they had lost their names; sorted.
	Images []string
	// Objects and Bytes count what the repo does not keep any more.
	Objects int
	Bytes   uint64
}

// Prune removes what nothing refers to: images that have neither a name nor a
// container, layers that no image has, and what killed pulls left. What a
// container holds always stays, with its manifest and layers.
//
// It waits for pulls as Remove does. A caller that pulls and holds an image in
// two steps must keep prunes out in between.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	repo, err := ostree.Open(ctx, s.options.Repo)
	if errors.Is(err, fs.ErrNotExist) {
		return Pruned{}, nil
	}
	if err != nil {
		return Pruned{}, err
	}
	defer repo.Close()
	pruned, err := pruneLocked(ctx, repo, o)
	if err != nil {
		return pruned, fmt.Errorf("pruning: %w", err)
	}
	return pruned, nil
}

func pruneLocked(ctx context.Context, repo *ostree.Repo, o PruneOptions) (pruned Pruned, err error) {
	unlock, err := repo.Lock(ctx)
	if err != nil {
		return pruned, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if !repo.Current() {
		return pruned, nil
	}
	c, err := readCatalog(ctx, repo)
	if err != nil {
		return pruned, err
	}
	for _, image := range c.images() {
		if len(image.Containers) > 0 || len(image.Names) > 0 && !o.Unused {
			continue
		}
		for _, name := range image.Names {
			if err := dropName(ctx, repo, name); err != nil {
				return pruned, err
			}
		}
		names := image.Names
		if len(names) == 0 {
			names = []string{image.PulledAs}
		}
		pruned.Images = append(pruned.Images, names...)
	}
	slices.Sort(pruned.Images)
	left, err := dropUnused(ctx, repo)
	if err != nil {
		return pruned, err
	}
	objects, err := repo.Prune(ctx)
	if err != nil {
		return pruned, err
	}
	pruned.Objects, pruned.Bytes = objects.Objects, objects.Bytes
	if left == 0 {
		return pruned, vanish(repo.Path())
	}
	return pruned, nil
}

func dropName(ctx context.Context, repo *ostree.Repo, reference string) error {
	name, err := refname.Encode(reference)
	if err != nil {
		return err
	}
	return repo.DeleteRef(ctx, imagePrefix+name)
}
