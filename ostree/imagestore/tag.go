package imagestore

import (
	"context"
	"fmt"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// Tag gives an image of the repo one more name, NAME[:TAG], and returns the image
// under it. A name that another image has moves. Pull never asks a registry for
// such a name; it has no transport, by which it is told apart.
func (s *Store) Tag(ctx context.Context, reference, name string) (Image, error) {
	local, ok := localName(name)
	if !ok {
		return Image{}, fmt.Errorf("naming %q: %q is not NAME or NAME:TAG, without a transport or digest", reference, name)
	}
	img, err := s.Find(ctx, reference)
	if err != nil {
		return Image{}, err
	}
	encoded, err := refname.Encode(local)
	if err != nil {
		return Image{}, err
	}
	commit, err := ostree.ParseChecksum(img.Commit)
	if err != nil {
		return Image{}, err
	}
	err = s.withRepo(ctx, func(repo *ostree.Repo) error { return setRef(ctx, repo, imagePrefix+encoded, commit) })
	if err != nil {
		return Image{}, fmt.Errorf("naming %q: %w", reference, err)
	}
	img.Reference = local
	return img, nil
}

// setRef points a ref at an image commit, if that is there.
func setRef(ctx context.Context, repo *ostree.Repo, ref string, commit ostree.Checksum) error {
	if _, err := repo.LoadCommit(commit); err != nil {
		return err
	}
	return repo.SetRef(ctx, ref, commit)
}
