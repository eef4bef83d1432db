package imagestore

import (
	"context"
	"fmt"
	"strings"

	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkSource refuses what cannot be stored for what its manifest and its
// configuration say. A list of images says less: the one that was chosen from it
// says for itself that it is for this host, and is checked again when it is whole.
func checkSource(ctx context.Context, source types.ImageSource) error {
	raw, mediaType, err := source.GetManifest(ctx, nil)
	if err != nil || manifest.MIMETypeIsMultiImage(mediaType) {
		return err
	}
	if err := checkManifest(raw, mediaType); err != nil {
		return err
	}
	img, err := image.FromUnparsedImage(ctx, nil, image.UnparsedInstance(source, nil))
	if err != nil {
		return err
	}
	blob, err := img.ConfigBlob(ctx)
	if err != nil {
		return err
	}
	config, err := parseConfig(blob)
	if err != nil {
		return err
	}
	return checkPlatform(config)
}

// checkManifest refuses manifests that are not of an image.
func checkManifest(raw []byte, mediaType string) error {
	switch mediaType {
	case manifest.DockerV2Schema1MediaType, manifest.DockerV2Schema1SignedMediaType:
		return fmt.Errorf("%w: it has a manifest of Docker's schema 1, which was given up years ago; build or push it anew", ErrNotImage)
	case imgspec.MediaTypeImageManifest:
	default:
		return nil
	}
	m, err := manifest.OCI1FromManifest(raw)
	if err != nil {
		return badImage("reading the manifest: %w", err)
	}
	if m.Config.MediaType == imgspec.MediaTypeImageConfig {
		return nil
	}
	kind := m.ArtifactType
	if kind == "" {
		kind = m.Config.MediaType
	}
	return fmt.Errorf("%w: it is an artifact of type %q", ErrNotImage, kind)
}

// checkLayer refuses layers that cannot be read.
func checkLayer(info types.BlobInfo) error {
	if strings.HasSuffix(info.MediaType, "+encrypted") {
		return fmt.Errorf("%w: layer %s is encrypted, and there is no key", ErrNotImage, info.Digest)
	}
	return nil
}
