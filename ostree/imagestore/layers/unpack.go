package layers

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
)

// Layer is a layer whose contents are written.
type Layer struct {
	// DiffID is the digest of the uncompressed stream.
	DiffID digest.Digest
	// Entries are the steps of the layer, in the order of its stream.
	Entries []Entry
	// Skipped counts the devices, fifos and sockets that were left out.
	Skipped int
	// Head is how the blob begins, if it was compressed; see [Compressors].
	Head []byte
	// Blob is the object that [WriteBlob] made of the blob; zero when nobody did.
	Blob ostree.Checksum

	record record
}

// Limits bound what a layer may unpack to. What is larger is not an image but
// an attack, or a mistake. Zero means no limit.
type Limits struct {
	// Size is how many bytes a layer may have, as a tar stream and as files.
	Size int64
	// Ratio is how many times as large as its blob a layer may become. It counts
	// from RatioFrom bytes on: what is small does no harm.
	Ratio, RatioFrom int64
}

// Unpack reads a layer's blob (gzip, zstd or uncompressed tar) to its end and
// writes what it holds. Contents of moderate size are written by the workers,
// so the objects must stand concurrent calls. A broken layer is an [ErrBroken],
// and so is one beyond the limits.
func Unpack(r io.Reader, to Objects, workers *Workers, limits Limits) (Layer, error) {
	blob := &counter{r: r}
	plain, err := decompress(blob)
	if err != nil {
		return Layer{}, blob.blame(badStream(err))
	}
	defer plain.Close()
	hash := sha256.New()
	l, err := unpackTar(&bounded{r: plain, blob: blob, limits: limits}, hash, to, workers, limits)
	if err != nil {
		return Layer{}, blob.blame(err)
	}
	if _, err := io.Copy(io.Discard, blob); err != nil {
		return Layer{}, blob.blame(err)
	}
	l.DiffID = digest.NewDigest(digest.SHA256, hash)
	if len(Compressors(blob.head)) > 0 {
		l.Head = blob.head
	}
	return l, nil
}

// unpackTar reads a tar stream and whatever follows it, and hashes all of it.
func unpackTar(r io.Reader, h hash.Hash, to Objects, workers *Workers, limits Limits) (Layer, error) {
	ahead := newReadAhead(r, h)
	defer ahead.close()
	l, err := readLayer(ahead, to, workers, limits)
	if err != nil {
		return Layer{}, badStream(err)
	}
	return l, nil
}
