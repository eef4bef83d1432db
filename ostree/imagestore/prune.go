package imagestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// Unreadable have the names of images that cannot be read, or their commits. Of
	// those nothing was removed; while the commit itself cannot be read, no objects
	// at all, since they might be that image's.
	Unreadable []string
}

// Prune removes what nothing refers to: images that have neither a name nor a
// container, layers that no image has, and what killed pulls left. What a
// container holds always stays, with its manifest and layers.
//
// It waits for pulls as Remove does. A caller that pulls and holds an image in
// two steps must keep prunes out in between.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (pruned Pruned, err error) {
	err = s.withRepoAlone(ctx, lockPatience, func(repo *ostree.Repo) (err error) {
		pruned, err = prune(ctx, repo, o)
		return err
	})
	if errors.Is(err, errNoRepo) {
		return Pruned{}, nil
	}
	if err != nil {
		return pruned, fmt.Errorf("pruning: %w", err)
	}
	return pruned, nil
}

func prune(ctx context.Context, repo *ostree.Repo, o PruneOptions) (pruned Pruned, err error) {
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
	for _, image := range c.unreadable() {
		pruned.Unreadable = append(pruned.Unreadable, cmp.Or(strings.Join(image.Names, " "), image.PulledAs, image.Commit))
	}
	intact, err := dropUnused(ctx, repo, isInternal)
	if err != nil || !intact {
		return pruned, err
	}
	objects, err := repo.Prune(ctx)
	pruned.Objects, pruned.Bytes = objects.Objects, objects.Bytes
	return pruned, err
}

func dropName(ctx context.Context, repo *ostree.Repo, reference string) error {
	name, err := refname.Encode(reference)
	if err != nil {
		return err
	}
	return repo.DeleteRef(ctx, imagePrefix+name)
}
