package imagestore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containers/image/v5/manifest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// Remove takes a name from an image and removes everything that neither another
// name nor a container needs. The last name of an image that a container uses
// stays: an [*InUseError]. Any other goes, since the image can still be named.
// Given an ID or digest it takes the image's only name ([*ManyNamesError] when
// there are more), or removes an image that has none. What is not there is an
// [ErrNotFound].
//
// When nothing is left in the repo, the repo's directory goes too. It waits for
// pulls that are under way, but not for ever (lockPatience).
func (s *Store) Remove(ctx context.Context, reference string) error {
	return s.remove(ctx, reference, (*catalog).checkRemovable)
}

// Undo undoes a Pull that returned img: the reference leads to what it led to
// before, or is no more, and what only the pulled image needed goes, whoever uses
// the image. What containers hold keeps its objects, manifest and layers. The image
// from before must still be in the repo.
func (s *Store) Undo(ctx context.Context, img Image) error {
	switch {
	case img.Added:
		return s.remove(ctx, img.Reference, func(*catalog, target) error { return nil })
	case img.Commit == img.PreviousCommit:
		return nil
	}
	err := s.withRepoAlone(ctx, lockPatience, func(repo *ostree.Repo) error {
		return pointBack(ctx, repo, img)
	})
	if err != nil {
		return fmt.Errorf("going back to what %q was: %w", img.Reference, err)
	}
	return nil
}

func pointBack(ctx context.Context, repo *ostree.Repo, img Image) error {
	name, err := refname.Encode(img.Reference)
	if err != nil {
		return err
	}
	commit, err := ostree.ParseChecksum(img.PreviousCommit)
	if err != nil {
		return err
	}
	if err := setRef(ctx, repo, imagePrefix+name, commit); err != nil {
		return err
	}
	intact, err := dropUnused(ctx, repo, isInternal)
	if err != nil || !intact {
		return err
	}
	_, err = repo.Prune(ctx)
	return err
}

// target is what is to be removed.
type target struct {
	reference string // for people
	named     bool   // reference is a name
	commit    ostree.Checksum
}

func (s *Store) remove(ctx context.Context, reference string, check func(*catalog, target) error) error {
	name, err := s.nameOf(ctx, reference)
	if err != nil {
		return err
	}
	err = s.withRepoAlone(ctx, lockPatience, func(repo *ostree.Repo) error {
		return removeName(ctx, repo, name, check)
	})
	if errors.Is(err, errNoRepo) {
		return fmt.Errorf("image %q: %w", reference, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("removing %q: %w", reference, err)
	}
	return nil
}

// nameOf is the name of what is to be removed, also of an image that is damaged,
// or the reference itself when it is none.
func (s *Store) nameOf(ctx context.Context, reference string) (string, error) {
	if isPrefix(reference) {
		img, err := s.findTagged(ctx, reference)
		if errors.Is(err, ErrNotFound) {
			img, err = s.findResolved(ctx, reference)
		}
		if err == nil {
			return img.Reference, nil
		}
		return reference, nil
	}
	img, err := s.Find(ctx, reference)
	switch {
	case err == nil:
		return img.Reference, nil
	case errors.Is(err, ErrNotFound):
		return "", err
	}
	return reference, nil
}

func removeName(ctx context.Context, repo *ostree.Repo, reference string, check func(*catalog, target) error) error {
	c, err := readCatalog(ctx, repo)
	if err != nil {
		return err
	}
	goal, err := c.target(reference)
	if err != nil {
		return err
	}
	if err := check(c, goal); err != nil {
		return err
	}
	if goal.named {
		if err := dropName(ctx, repo, goal.reference); err != nil {
			return err
		}
	}
	intact, err := dropUnused(ctx, repo, isInternal)
	if err != nil || !intact {
		return err
	}
	if refs, err := repo.Refs(ctx, ""); err != nil || len(refs) == 0 {
		return err // the repo goes as a whole
	}
	_, err = repo.Prune(ctx)
	return err
}

// target is what a name, or the beginning of an ID or digest, stands for.
func (c *catalog) target(text string) (target, error) {
	if commit, ok := c.names[text]; ok {
		return target{reference: text, named: true, commit: commit}, nil
	}
	if !isPrefix(text) {
		return target{}, fmt.Errorf("image %q: %w", text, ErrNotFound)
	}
	image, err := c.byPrefix(text)
	if err != nil {
		return target{}, err
	}
	if len(image.Names) > 1 {
		return target{}, &ManyNamesError{ID: image.ID, Names: image.Names}
	}
	commit, err := ostree.ParseChecksum(image.Commit)
	return target{reference: image.reference(), named: len(image.Names) == 1, commit: commit}, err
}

// checkRemovable refuses to take the last name of an image in use.
func (c *catalog) checkRemovable(t target) error {
	users := c.users(t.commit)
	if len(users) == 0 {
		return nil
	}
	for name, commit := range c.names {
		if t.named && name != t.reference && (commit == t.commit || c.same(commit, t.commit)) {
			return nil
		}
	}
	return &InUseError{Reference: t.reference, Containers: users}
}

// dropUnused deletes those refs among layers, blobs, manifests and stacks that no image that
// is named or held uses. Where it is not known what an image uses, those that might
// be its own stay, and with intact false all objects have to.
func dropUnused(ctx context.Context, repo *ostree.Repo, among func(ref string) bool) (intact bool, err error) {
	refs, err := repo.Refs(ctx, "")
	if err != nil {
		return false, err
	}
	u := usage{repo: repo, used: make(map[string]bool), known: make(map[string]bool), intact: true}
	u.look(refs)
	for ref := range refs {
		if !among(ref) || !u.droppable(ref) {
			continue
		}
		if err := repo.DeleteRef(ctx, ref); err != nil {
			return false, err
		}
	}
	return u.intact, nil
}

// isInternal tells the refs that follow from images from those that are roots,
// ours or somebody else's.
func isInternal(ref string) bool {
	for _, prefix := range []string{layerPrefix, blobPrefix, manifestPrefix, stackPrefix} {
		if strings.HasPrefix(ref, prefix) {
			return true
		}
	}
	return false
}

// usage is which internal refs are whose.
type usage struct {
	repo  *ostree.Repo
	used  map[string]bool // by images that are named or held
	known map[string]bool // by any image that can be read
	// partial tells that of an image that is named or held it is not known what it
	// uses; intact that not even its tree may be.
	partial, intact bool
}

// look finds out what images use.
func (u *usage) look(refs map[string]ostree.Checksum) {
	done := make(map[ostree.Checksum]bool)
	for ref, commit := range refs {
		root := strings.HasPrefix(ref, imagePrefix) || strings.HasPrefix(ref, containerPrefix)
		if !root || done[commit] {
			continue
		}
		done[commit] = true
		record, err := loadRecord(u.repo, commit)
		if err == nil {
			err = record.markRefs(u.used)
		}
		if err == nil {
			continue
		}
		u.partial = true
		if _, err := u.repo.LoadCommit(commit); err != nil {
			u.intact = false
		}
	}
	for ref, commit := range refs {
		if !u.partial || !strings.HasPrefix(ref, manifestPrefix) {
			continue
		}
		if record, err := loadRecord(u.repo, commit); err == nil {
			_ = record.markRefs(u.known) // what cannot be read is not known
		}
	}
}

// droppable tells that nothing needs a ref.
func (u *usage) droppable(ref string) bool {
	return isInternal(ref) && !u.used[ref] && (!u.partial || u.known[ref])
}

func (r imageRecord) markRefs(used map[string]bool) error {
	used[digestRef(manifestPrefix, r.digest)] = true
	config, err := parseConfig(r.config)
	if err != nil {
		return err
	}
	m, err := manifest.FromBlob(r.manifest, r.mediaType)
	if err != nil {
		return fmt.Errorf("reading the manifest of %q: %w", r.reference, err)
	}
	for _, id := range config.RootFS.DiffIDs {
		used[digestRef(layerPrefix, id)] = true
	}
	if len(config.RootFS.DiffIDs) > 0 {
		used[stackRef(config.RootFS.DiffIDs)] = true
	}
	for _, info := range m.LayerInfos() {
		used[digestRef(blobPrefix, info.Digest)] = true
	}
	return nil
}
