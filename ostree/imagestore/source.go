package imagestore

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// source reads an image of the repo: its manifest and config, and, of one that is
// being exported, its layers.
type source struct {
	ref    *imageRef
	record imageRecord

	export  *export                  // nil: there are no layers to be had
	rebuilt map[digest.Digest]opener // see export.rebuild
	tars    map[digest.Digest]bool   // blobs in whose place the tar stream is sent
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
	// What an older version stored without records is not all there: a pull of it
	// shall bring them.
	if err := record.checkRecords(repo); err != nil {
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

// GetBlob opens the config, a blob that was rebuilt, or a layer's tar stream.
func (s *source) GetBlob(ctx context.Context, info types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	if info.Digest.Validate() == nil && info.Digest.Algorithm().FromBytes(s.record.config) == info.Digest {
		return io.NopCloser(bytes.NewReader(s.record.config)), int64(len(s.record.config)), nil
	}
	if open, ok := s.rebuilt[info.Digest]; ok {
		blob, err := open()
		return blob, info.Size, err
	}
	if s.export != nil {
		for _, l := range s.export.layers {
			if l.diffID == info.Digest {
				return s.export.openTar(ctx, l), -1, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("blob %s of %q: %w", info.Digest, s.ref.name, errNotHere)
}

func (s *source) HasThreadSafeGetBlob() bool { return true }

func (s *source) GetSignatures(context.Context, *digest.Digest) ([][]byte, error) { return nil, nil }

// LayerInfosForCopy puts tar streams in the place of blobs that are not to be had.
func (s *source) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	if len(s.tars) == 0 {
		return nil, nil
	}
	mediaType := imgspec.MediaTypeImageLayer
	if s.record.mediaType != imgspec.MediaTypeImageManifest {
		mediaType = manifest.DockerV2SchemaLayerMediaTypeUncompressed
	}
	var infos []types.BlobInfo
	for _, l := range s.export.layers {
		info := l.info
		if s.tars[info.Digest] {
			info = types.BlobInfo{Digest: l.diffID, Size: -1, MediaType: mediaType}
		}
		infos = append(infos, info)
	}
	return infos, nil
}
