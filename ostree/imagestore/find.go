package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// Find looks an image up in the repo, without asking anybody: by its canonical
// reference, by a name that Tag gave, by what Pull would have made of the given
// reference, or by the beginning of its ID or digest, in this order.
// [ErrNotFound] when the repo does not have it, an [*AmbiguousError] when several
// images could be meant. The reference of an image without a name is the one that
// it was pulled by.
func (s *Store) Find(ctx context.Context, reference string) (Image, error) {
	img, err := s.find(ctx, reference)
	if errors.Is(err, ErrNotFound) {
		img, err = s.findTagged(ctx, reference)
	}
	if errors.Is(err, ErrNotFound) {
		img, err = s.findResolved(ctx, reference)
	}
	if errors.Is(err, ErrNotFound) {
		found, prefixErr := s.findPrefix(ctx, reference)
		if !errors.Is(prefixErr, ErrNotFound) {
			return found, prefixErr
		}
	}
	return img, err
}

// findResolved looks for what Pull would have made of a reference.
func (s *Store) findResolved(ctx context.Context, reference string) (Image, error) {
	sys, err := s.newSystem()
	if err != nil {
		return Image{}, err
	}
	defer sys.close()
	refs, err := sys.resolve(reference)
	if errors.Is(err, ErrShortName) || errors.Is(err, ErrUnknown) {
		return Image{}, fmt.Errorf("image %q: %w", reference, ErrNotFound)
	}
	if err != nil {
		return Image{}, fmt.Errorf("image %q: %w (%w)", reference, ErrNotFound, err)
	}
	for _, ref := range refs {
		img, err := s.find(ctx, canonical(ref))
		if !errors.Is(err, ErrNotFound) {
			return img, err
		}
	}
	return Image{}, fmt.Errorf("image %q: %w", reference, ErrNotFound)
}

// find looks a canonical reference up.
func (s *Store) find(ctx context.Context, name string) (Image, error) {
	encoded, err := refname.Encode(name)
	if err != nil {
		return Image{}, err
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, fmt.Errorf("image %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return Image{}, err
	}
	defer repo.Close()
	commit, found, err := refOrNone(repo, imagePrefix+encoded)
	if err != nil {
		return Image{}, err
	}
	if !found {
		return Image{}, fmt.Errorf("image %q: %w", name, ErrNotFound)
	}
	record, err := loadRecord(repo, commit)
	if err != nil {
		return Image{}, err
	}
	return record.image(name, commit)
}

// List returns every image of the repo, sorted by reference. No repo is no
// image. An image that cannot be read does not hide the others: they come with
// the error.
func (s *Store) List(ctx context.Context) (images []Image, err error) {
	err = s.read(ctx, func(repo *ostree.Repo) error {
		refs, err := repo.Refs(ctx, imagePrefix)
		if err != nil {
			return err
		}
		var errs []error
		for _, ref := range slices.Sorted(maps.Keys(refs)) {
			img, err := loadImage(repo, ref, refs[ref])
			if err != nil {
				errs = append(errs, err)
				continue
			}
			images = append(images, img)
		}
		return errors.Join(errs...)
	})
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.Reference, b.Reference) })
	return images, err
}

func loadImage(repo *ostree.Repo, ref string, commit ostree.Checksum) (Image, error) {
	name, err := refname.Decode(strings.TrimPrefix(ref, imagePrefix))
	if err != nil {
		return Image{}, err
	}
	record, err := loadRecord(repo, commit)
	if err != nil {
		return Image{}, fmt.Errorf("image %q: %w", name, err)
	}
	return record.image(name, commit)
}
