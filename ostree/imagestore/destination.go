package imagestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// maxConfig bounds what is kept in memory of a config.
const maxConfig = 8 << 20

// destination receives one image. Nothing of it is visible before Commit.
type destination struct {
	ref      *imageRef
	pull     *pull
	manifest []byte
}

func (d *destination) Reference() types.ImageReference { return d.ref }

// Close does nothing: the transaction belongs to the pull, see pull.finish.
func (d *destination) Close() error { return nil }

func (d *destination) SupportedManifestMIMETypes() []string {
	return []string{imgspec.MediaTypeImageManifest, manifest.DockerV2Schema2MediaType}
}

func (d *destination) SupportsSignatures(context.Context) error {
	return errors.New("signatures are checked, not stored")
}

func (d *destination) DesiredLayerCompression() types.LayerCompression {
	return types.PreserveOriginal
}

func (d *destination) AcceptsForeignLayerURLs() bool { return false }

// MustMatchRuntimeOS is false because checkPlatform is stricter.
func (d *destination) MustMatchRuntimeOS() bool { return false }

func (d *destination) IgnoresEmbeddedDockerReference() bool { return true }

func (d *destination) HasThreadSafePutBlob() bool { return true }

// PutBlob stores a layer as it comes. The stream is verified against its digest
// by copy.Image, which makes the last read fail; so it is read to its end.
func (d *destination) PutBlob(ctx context.Context, stream io.Reader, info types.BlobInfo, _ types.BlobInfoCache, isConfig bool) (types.BlobInfo, error) {
	counted := &counter{r: stream}
	if info.Digest == "" {
		counted.hash = sha256.New()
	}
	var put func(types.BlobInfo) error
	var err error
	if isConfig {
		put, err = d.putConfig(counted)
	} else {
		put, err = d.pull.receive(ctx, counted, info.Size)
	}
	if err != nil {
		return types.BlobInfo{}, err
	}
	if info.Size >= 0 && counted.size != info.Size {
		return types.BlobInfo{}, badImage("blob %s has %d bytes, not %d", info.Digest, counted.size, info.Size)
	}
	if info.Digest == "" {
		info.Digest = digest.NewDigest(digest.SHA256, counted.hash)
	}
	info = types.BlobInfo{Digest: info.Digest, Size: counted.size}
	return info, put(info)
}

func (d *destination) putConfig(r io.Reader) (put func(types.BlobInfo) error, err error) {
	config, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(config) > maxConfig {
		return nil, badImage("the config is larger than %d bytes", maxConfig)
	}
	return func(blob types.BlobInfo) error {
		d.pull.setConfig(blob.Digest, config)
		return nil
	}, nil
}

// unpack turns a layer's blob into a layer commit. It finishes the keeper.
func unpack(blob *keeper, txn *ostree.Txn, workers *layers.Workers, limits layers.Limits) (layer, error) {
	unpacked, err := layers.Unpack(blob, txn, workers, limits)
	kept, keepErr := blob.finish()
	if err == nil {
		err = keepErr
	}
	if err != nil {
		return layer{}, err
	}
	unpacked.Blob = kept
	commit, err := writeLayer(txn, unpacked)
	entries := unpacked.Entries
	if entries == nil {
		entries = []layers.Entry{} // an empty layer is no unknown one
	}
	return layer{diffID: unpacked.DiffID, commit: commit, entries: entries}, err
}

// TryReusingBlob finds a layer that the repo has.
func (d *destination) TryReusingBlob(_ context.Context, info types.BlobInfo, _ types.BlobInfoCache, _ bool) (bool, types.BlobInfo, error) {
	found, err := d.pull.reuse(info.Digest)
	if !found || err != nil {
		return false, types.BlobInfo{}, err
	}
	return true, types.BlobInfo{Digest: info.Digest, Size: info.Size, MediaType: info.MediaType}, nil
}

func (d *destination) PutManifest(_ context.Context, m []byte, instance *digest.Digest) error {
	if instance != nil {
		return fmt.Errorf("storing manifest %s: %w", *instance, errNotHere)
	}
	d.manifest = bytes.Clone(m)
	return nil
}

func (d *destination) PutSignatures(ctx context.Context, signatures [][]byte, _ *digest.Digest) error {
	if len(signatures) > 0 {
		return d.SupportsSignatures(ctx)
	}
	return nil
}

// Commit makes the image part of the repo. Without a manifest copy.Image found
// that it is there already.
func (d *destination) Commit(ctx context.Context, top types.UnparsedImage) error {
	if d.manifest == nil {
		return nil
	}
	record := imageRecord{manifest: d.manifest, mediaType: manifest.GuessMIMEType(d.manifest), reference: d.ref.name}
	m, err := manifest.FromBlob(d.manifest, record.mediaType)
	if err != nil {
		return badImage("reading the manifest: %w", err)
	}
	if record.digest, err = manifest.Digest(d.manifest); err != nil {
		return badImage("reading the manifest: %w", err)
	}
	if record.index, err = indexDigest(ctx, top); err != nil {
		return err
	}
	if record.config = d.pull.config(m.ConfigInfo().Digest); record.config == nil {
		return badImage("there is no config")
	}
	found, blobs, err := d.layers(m)
	if err != nil {
		return err
	}
	config, err := parseConfig(record.config)
	if err != nil {
		return err
	}
	if err := errors.Join(checkPlatform(config), checkDiffIDs(config, found)); err != nil {
		return err
	}
	return d.pull.commit(ctx, record, found, blobs)
}

// indexDigest is the digest of the list that the image was chosen from, "" when
// there was none.
func indexDigest(ctx context.Context, top types.UnparsedImage) (digest.Digest, error) {
	raw, mediaType, err := top.Manifest(ctx)
	if err != nil || !manifest.MIMETypeIsMultiImage(mediaType) {
		return "", err
	}
	return manifest.Digest(raw)
}

// layers are the layers of a manifest in order, with the digests of their blobs.
func (d *destination) layers(m manifest.Manifest) (list []layer, blobs []digest.Digest, err error) {
	for _, info := range m.LayerInfos() {
		l, ok := d.pull.layer(info.Digest)
		if !ok {
			return nil, nil, badImage("layer %s is missing", info.Digest)
		}
		// copy.Image goes by the size that the source has.
		if info.Size < 0 || l.size > 0 && l.size != info.Size {
			return nil, nil, badImage("layer %s has %d bytes, its manifest says %d", info.Digest, l.size, info.Size)
		}
		list, blobs = append(list, l), append(blobs, info.Digest)
	}
	return list, blobs, nil
}

// checkDiffIDs compares what was unpacked with what the config promises.
func checkDiffIDs(config imgspec.Image, found []layer) error {
	want := config.RootFS.DiffIDs
	got := make([]digest.Digest, 0, len(found))
	for _, l := range found {
		got = append(got, l.diffID)
	}
	if slices.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return badImage("it has %d layers, its config lists %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			return badImage("layer %d unpacks to %s, its config says %s", i+1, got[i], want[i])
		}
	}
	return nil
}

// checkPlatform refuses an image that says it is for another kind of machine.
func checkPlatform(config imgspec.Image) error {
	if (config.OS == "" || config.OS == "linux") && (config.Architecture == "" || config.Architecture == runtime.GOARCH) {
		return nil
	}
	return fmt.Errorf("%w: this host is linux/%s, the image is for %s", ErrPlatform, runtime.GOARCH, platform(&config.Platform))
}

// counter counts, and hashes if it has a hash, what passes through it.
type counter struct {
	r    io.Reader
	hash hash.Hash
	size int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.size += int64(n)
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	return n, err
}
