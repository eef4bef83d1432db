package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/syscontainer/syscontainer/ostree"
)

// CheckedOut is a tree that [Store.Checkout] made.
type CheckedOut struct {
	Commit, Dir string
	// Own are paths in the tree that may be there besides what the commit has, as
	// long as they are directories or files without content; nil when that is not
	// known, and nothing more is looked for.
	Own map[string]bool
}

// Checked is how such a tree compares with the image's commit.
type Checked struct {
	// Digest is that of the manifest, as the commit has it; "" when it cannot be read.
	Digest string
	// Differences are those of the tree.
	Differences []ostree.Difference
	// Faults are those of the repo's objects, but for those that are files of the tree.
	Faults []ostree.Fault
	// Err is why the tree could not be looked at, or not to the end.
	Err error
}

// VerifyCheckouts reads every object of the trees' commits and compares it with its
// checksum, each once, and then the trees with the objects. What is wrong is in the
// report with the number of the tree. It takes no lock: what nobody removes meanwhile
// is there. An error says that there is no repo to compare with, or that ctx has ended.
func (s *Store) VerifyCheckouts(ctx context.Context, trees []CheckedOut) ([]Checked, error) {
	if len(trees) == 0 {
		return nil, nil
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	walk := repo.NewWalk()
	var list []Checked
	for _, tree := range trees {
		checked := verifyCheckout(ctx, repo, walk, tree)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		list = append(list, checked)
	}
	return list, nil
}

func verifyCheckout(ctx context.Context, repo *ostree.Repo, walk *ostree.Walk, tree CheckedOut) (c Checked) {
	commit, err := ostree.ParseChecksum(tree.Commit)
	if err != nil {
		return Checked{Err: err}
	}
	if c.Faults, c.Err = walk.Verify(ctx, commit); c.Err != nil {
		return c
	}
	if slices.ContainsFunc(c.Faults, func(f ostree.Fault) bool { return f.Path == "" }) {
		return c // nothing is known of the tree
	}
	if record, err := loadRecord(repo, commit); err == nil {
		c.Digest = record.digest.String()
	}
	linked := map[string]bool{}
	c.Err = walk.Compare(ctx, commit, tree.Dir, tree.Own, func(d ostree.Difference) {
		c.Differences = append(c.Differences, d)
		linked[d.Object] = linked[d.Object] || d.Aspect == ostree.Damaged
	})
	c.Faults = slices.DeleteFunc(c.Faults, func(f ostree.Fault) bool { return linked[f.Object] })
	return c
}

// Refetch pulls an image once more, into a repo of its own, and puts its objects in
// the place of those that are missing or damaged in the repo. It returns which of the
// named objects are sound now, also with an error. Each takes its place at once and
// durably; nothing else of the repo changes.
func (s *Store) Refetch(ctx context.Context, reference, digest string, objects []string) (restored []string, err error) {
	err = s.withRepo(ctx, func(repo *ostree.Repo) (err error) {
		scratch, err := newScratch(s.options.TempDir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, scratch.close()) }()
		options := s.options
		options.Repo = scratch.dir + "/repo"
		if err := New(options).pullAgain(ctx, reference, digest); err != nil {
			return err
		}
		again, err := ostree.Open(ctx, options.Repo)
		if err != nil {
			return err
		}
		defer again.Close()
		for _, object := range objects {
			err := repo.TakeObject(ctx, again, object)
			if err == nil {
				restored = append(restored, object)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
	return restored, err
}

// pullAgain pulls the image with that digest: what the reference is now, unless that
// is another one.
func (s *Store) pullAgain(ctx context.Context, reference, digest string) error {
	img, err := s.Pull(ctx, reference)
	if err == nil && img.Digest == digest {
		return nil
	}
	byDigest, ok := withDigest(reference, digest)
	if !ok {
		if err == nil {
			err = fmt.Errorf("%s is another image now: %s, not %s", reference, img.Digest, digest)
		}
		return err
	}
	_, err = s.Pull(ctx, byDigest)
	return err
}
