package imagestore

import (
	"context"
	"errors"
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
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return Image{}, err
	}
	defer repo.Close()
	if err := setLocked(ctx, repo, imagePrefix+encoded, commit); err != nil {
		return Image{}, fmt.Errorf("naming %q: %w", reference, err)
	}
	img.Reference = local
	return img, nil
}

// setLocked points a ref at an image commit, which no prune takes meanwhile.
func setLocked(ctx context.Context, repo *ostree.Repo, ref string, commit ostree.Checksum) (err error) {
	unlock, err := repo.LockShared(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := repo.LoadCommit(commit); err != nil {
		return err
	}
	return repo.SetRef(ctx, ref, commit)
}
