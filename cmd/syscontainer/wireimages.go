package main

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// images shows the image store to package install.
type images struct{ *imagestore.Store }

func (i images) Pull(ctx context.Context, reference string) (deployment.Image, error) {
	image, err := i.Store.Pull(ctx, reference)
	return shownImage(image), err
}

func (i images) Look(ctx context.Context, reference string) (digest.Digest, error) {
	found, err := i.InspectRemote(ctx, reference)
	if err != nil {
		return "", err
	}
	return digest.Digest(found.Digest), nil
}

func (i images) Find(ctx context.Context, reference string) (deployment.Image, error) {
	image, err := i.Store.Find(ctx, reference)
	return shownImage(image), err
}

func (i images) Files(ctx context.Context, commit string) (install.ImageFiles, error) {
	files, err := i.Store.Files(ctx, commit)
	if err != nil {
		return nil, err
	}
	return files, nil
}

func (i images) Undo(ctx context.Context, image deployment.Image) error {
	return i.Store.Undo(ctx, imagestore.Image{
		Reference: image.Reference, Commit: image.Commit, Added: image.Added, PreviousCommit: image.PreviousCommit,
	})
}

// VerifyCheckouts tells in one list what is wrong with the trees and with the repo.
func (i images) VerifyCheckouts(ctx context.Context, trees []install.CheckedOut) ([]install.Checked, error) {
	var asked []imagestore.CheckedOut
	for _, tree := range trees {
		asked = append(asked, imagestore.CheckedOut(tree))
	}
	found, err := i.Store.VerifyCheckouts(ctx, asked)
	var list []install.Checked
	for _, c := range found {
		list = append(list, shownCheck(c))
	}
	return list, err
}

func shownCheck(c imagestore.Checked) install.Checked {
	shown := install.Checked{Digest: c.Digest, Err: c.Err}
	for _, d := range c.Differences {
		shown.Differences = append(shown.Differences, drift.Difference{
			Place: drift.Rootfs, Path: d.Path, Aspect: drift.Aspect(d.Aspect), Want: d.Want, Have: d.Have, Object: d.Object,
		})
	}
	for _, f := range c.Faults {
		d := drift.Difference{Place: drift.Repo, Path: f.Path, Aspect: drift.Object, Have: f.Err.Error(), Object: f.Object}
		if f.Missing() {
			d.Aspect, d.Have = drift.Missing, ""
		}
		shown.Differences = append(shown.Differences, d)
	}
	return shown
}

func (i images) Refetch(ctx context.Context, image deployment.ImageRef, objects []string) ([]string, error) {
	return i.Store.Refetch(ctx, image.Reference, image.Digest, objects)
}

func shownImage(image imagestore.Image) deployment.Image {
	return deployment.Image{
		Reference: image.Reference, Digest: digest.Digest(image.Digest), Commit: image.Commit,
		Config: image.Config, Health: (*deployment.ImageHealth)(image.Health),
		Added: image.Added, PreviousCommit: image.PreviousCommit, Fetched: image.Fetched,
	}
}
