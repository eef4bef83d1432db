package imagestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containers/image/v5/manifest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// Remove drops a reference and everything that neither another reference nor a
// Hold needs. A held image keeps its objects and loses only its name. When
// nothing is left in the repo, the repo's directory goes too. A reference that
// is not there is an [ErrNotFound].
//
// It waits for pulls that are under way, but not for ever (see ostree.Repo.Lock).
func (s *Store) Remove(ctx context.Context, reference string) error {
	img, err := s.Find(ctx, reference)
	if err != nil {
		return err
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return err
	}
	defer repo.Close()
	if err := removeLocked(ctx, repo, img.Reference); err != nil {
		return fmt.Errorf("removing %q: %w", img.Reference, err)
	}
	return nil
}

func removeLocked(ctx context.Context, repo *ostree.Repo, reference string) (err error) {
	unlock, err := repo.Lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if !repo.Current() {
		return nil // another process removed the last image meanwhile
	}
	name, err := refname.Encode(reference)
	if err != nil {
		return err
	}
	if err := repo.DeleteRef(ctx, imagePrefix+name); err != nil {
		return err
	}
	left, err := dropUnused(ctx, repo)
	if err != nil {
		return err
	}
	if left == 0 {
		return os.RemoveAll(repo.Path())
	}
	_, err = repo.Prune(ctx)
	return err
}

// dropUnused deletes the refs of layers, blobs and manifests that no image that
// is named or held uses, and tells how many refs are left.
func dropUnused(ctx context.Context, repo *ostree.Repo) (left int, err error) {
	refs, err := repo.Refs(ctx, "")
	if err != nil {
		return 0, err
	}
	used, err := usedRefs(repo, refs)
	if err != nil {
		return 0, err
	}
	for ref := range refs {
		if used[ref] || !isInternal(ref) {
			left++
			continue
		}
		if err := repo.DeleteRef(ctx, ref); err != nil {
			return 0, err
		}
	}
	return left, nil
}

// isInternal tells the refs that follow from images from those that are roots,
// ours or somebody else's.
func isInternal(ref string) bool {
	for _, prefix := range []string{layerPrefix, blobPrefix, manifestPrefix} {
		if strings.HasPrefix(ref, prefix) {
			return true
		}
	}
	return false
}

// usedRefs are the internal refs of every image that is named or held.
func usedRefs(repo *ostree.Repo, refs map[string]ostree.Checksum) (map[string]bool, error) {
	used := make(map[string]bool)
	done := make(map[ostree.Checksum]bool)
	for ref, commit := range refs {
		named, held := strings.HasPrefix(ref, imagePrefix), strings.HasPrefix(ref, containerPrefix)
		if !named && !held || done[commit] {
			continue
		}
		done[commit] = true
		record, err := loadRecord(repo, commit)
		if err != nil {
			return nil, err
		}
		if err := record.markRefs(used); err != nil {
			return nil, err
		}
	}
	return used, nil
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
	for _, info := range m.LayerInfos() {
		used[digestRef(blobPrefix, info.Digest)] = true
	}
	return nil
}
