package imagestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// Prefixes of the refs.
const (
	layerPrefix     = "layer/"
	blobPrefix      = "blob/"
	manifestPrefix  = "manifest/"
	stackPrefix     = "stack/"
	imagePrefix     = "image/"
	containerPrefix = "container/"
)

// digestRef is the ref of a digest below a prefix: layer/sha256/HEX.
func digestRef(prefix string, d interface{ String() string }) string {
	return prefix + strings.Replace(d.String(), ":", "/", 1)
}

// Keys of the commits' metadata.
const (
	keyDiffID   = "syscontainer.diff-id"
	keySteps    = "syscontainer.steps"          // of a layer whose order matters, see layers.Stored
	keyRoot     = "syscontainer.root-described" // "true": the layer has an entry for its root
	keySkipped  = "syscontainer.skipped"        // how many devices, fifos and sockets were left out
	keyRecord   = "syscontainer.tar"            // recordVersion: the layer's tar stream can be put together again
	keyHead     = "syscontainer.blob-head"      // how the layer's blob begins, when it was compressed
	keyManifest = "syscontainer.manifest"
	keyType     = "syscontainer.manifest-type"
	keyDigest   = "syscontainer.manifest-digest"
	keyIndex    = "syscontainer.index-digest" // of the list that the manifest was chosen from
	keyConfig   = "syscontainer.config"
	keyName     = "syscontainer.reference"
)

// recordVersion is the form of the records that layers are stored with.
const recordVersion = "1"

// layer is a layer that is in the repo or in the transaction.
type layer struct {
	diffID  digest.Digest
	commit  ostree.Checksum
	size    int64          // of the blob; 0 when it was not fetched
	entries []layers.Entry // nil until somebody needs them
}

// writeLayer makes the commit of a layer whose contents were written already.
// It holds no time, so that the same blob is the same commit for everyone.
func writeLayer(txn *ostree.Txn, l layers.Layer) (ostree.Checksum, error) {
	rootMeta, err := txn.WriteDirMeta(defaultDir())
	if err != nil {
		return ostree.Checksum{}, err
	}
	stored, err := l.Store(rootMeta)
	if err != nil {
		return ostree.Checksum{}, err
	}
	values := map[string][]byte{
		keyDiffID: []byte(l.DiffID), keySkipped: strconv.AppendInt(nil, int64(l.Skipped), 10),
		keyRoot: strconv.AppendBool(nil, stored.RootDescribed), keyRecord: []byte(recordVersion),
	}
	if l.Head != nil {
		values[keyHead] = l.Head
	}
	if stored.Steps != nil {
		values[keySteps] = stored.Steps
	}
	root, err := txn.WriteTree(stored.Tree)
	if err != nil {
		return ostree.Checksum{}, err
	}
	return txn.WriteCommit(ostree.CommitSpec{
		Subject: "layer " + l.DiffID.String(), Root: root, Metadata: values,
	})
}

// defaultDir is a directory that no layer describes.
func defaultDir() ostree.Meta { return ostree.Meta{Mode: ostree.TypeDir | 0o755} }

// loadEntries reads the steps of a layer commit.
func loadEntries(ctx context.Context, repo *ostree.Repo, commit ostree.Checksum) ([]layers.Entry, error) {
	c, err := repo.LoadCommit(commit, keySteps, keyRoot)
	if err != nil {
		return nil, err
	}
	stored := layers.Stored{Steps: c.Value(keySteps), RootDescribed: string(c.Value(keyRoot)) == "true"}
	if stored.Steps == nil {
		if stored.Tree, err = repo.ReadTree(ctx, commit); err != nil {
			return nil, err
		}
	}
	return stored.Entries()
}

// readlink is a Merger's look into the repo. Of layers that have just arrived it knows
// all links.
func readlink(ctx context.Context, repo *ostree.Repo) func(ostree.Checksum) (string, bool, error) {
	return func(sum ostree.Checksum) (string, bool, error) {
		f, err := repo.LoadFile(ctx, sum)
		if err != nil {
			return "", false, err
		}
		defer f.Close()
		return f.Target, f.Mode&ostree.TypeMask == ostree.TypeLink, nil
	}
}

// imageRecord is what an image commit says about its image.
type imageRecord struct {
	manifest, config []byte
	mediaType        string
	digest, index    digest.Digest // index is "" when there was no list
	reference        string
}

func (r imageRecord) values() map[string][]byte {
	values := map[string][]byte{
		keyManifest: r.manifest, keyType: []byte(r.mediaType), keyDigest: []byte(r.digest),
		keyConfig: r.config, keyName: []byte(r.reference),
	}
	if r.index != "" {
		values[keyIndex] = []byte(r.index)
	}
	return values
}

// loadRecord reads an image commit.
func loadRecord(repo *ostree.Repo, commit ostree.Checksum) (imageRecord, error) {
	c, err := repo.LoadCommit(commit, keyManifest, keyType, keyDigest, keyIndex, keyConfig, keyName)
	if err != nil {
		return imageRecord{}, err
	}
	r := imageRecord{
		manifest: c.Value(keyManifest), config: c.Value(keyConfig), mediaType: string(c.Value(keyType)),
		digest: digest.Digest(c.Value(keyDigest)), index: digest.Digest(c.Value(keyIndex)),
		reference: string(c.Value(keyName)),
	}
	if r.manifest == nil || r.config == nil {
		return r, fmt.Errorf("commit %s is not one of an image", commit)
	}
	return r, nil
}

// image is the API's view of an image commit under a reference.
func (r imageRecord) image(reference string, commit ostree.Checksum) (Image, error) {
	img := Image{Reference: reference, Digest: r.digest.String(), Commit: commit.String()}
	var err error
	if img.Config, err = parseConfig(r.config); err != nil {
		return img, err
	}
	img.Health, err = parseHealth(r.config)
	return img, err
}

// parseConfig reads an image's config.
func parseConfig(config []byte) (imgspec.Image, error) {
	var c imgspec.Image
	if err := json.Unmarshal(config, &c); err != nil {
		return c, badImage("reading the image's config: %w", err)
	}
	return c, nil
}

// parseHealth reads what the specification of images does not know of a config.
func parseHealth(config []byte) (*HealthCheck, error) {
	var c struct {
		Config struct{ Healthcheck *HealthCheck }
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, badImage("reading the health check in the image's config: %w", err)
	}
	return c.Config.Healthcheck, nil
}

// refOrNone is Repo.Ref with found instead of an error.
func refOrNone(repo *ostree.Repo, name string) (commit ostree.Checksum, found bool, err error) {
	commit, err = repo.Ref(name)
	if errors.Is(err, fs.ErrNotExist) {
		return commit, false, nil
	}
	return commit, err == nil, err
}
