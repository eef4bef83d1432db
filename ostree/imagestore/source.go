package imagestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// errNoLayerBlobs: a layer is kept as files, and reading it back as a tar
// stream is not implemented.
var errNoLayerBlobs = errors.New("layers cannot be read back as blobs yet")

// source reads the manifest and config of an image in the repo.
type source struct {
	ref    *imageRef
	record imageRecord
}

func newSource(ctx context.Context, ref *imageRef) (*source, error) {
	repo, err := ostree.Open(ctx, ref.pull.store.options.Repo)
	if err != nil {
		return nil, err
	}
	defer repo.Close()
	name, err := refname.Encode(ref.name)
	if err != nil {
		return nil, err
	}
	commit, err := repo.Ref(imagePrefix + name)
	if err != nil {
		return nil, err
	}
	record, err := loadRecord(repo, commit)
	if err != nil {
		return nil, err
	}
	return &source{ref: ref, record: record}, nil
}

func (s *source) Reference() types.ImageReference { return s.ref }

func (s *source) Close() error { return nil }

func (s *source) GetManifest(_ context.Context, instance *digest.Digest) ([]byte, string, error) {
	if instance != nil && *instance != s.record.digest {
		return nil, "", fmt.Errorf("manifest %s of %q: %w", *instance, s.ref.name, ErrNotFound)
	}
	return s.record.manifest, s.record.mediaType, nil
}

func (s *source) GetBlob(_ context.Context, info types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	if info.Digest.Validate() == nil && info.Digest.Algorithm().FromBytes(s.record.config) == info.Digest {
		return io.NopCloser(bytes.NewReader(s.record.config)), int64(len(s.record.config)), nil
	}
	return nil, 0, fmt.Errorf("blob %s of %q: %w", info.Digest, s.ref.name, errNoLayerBlobs)
}

func (s *source) HasThreadSafeGetBlob() bool { return true }

func (s *source) GetSignatures(context.Context, *digest.Digest) ([][]byte, error) { return nil, nil }

func (s *source) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}
