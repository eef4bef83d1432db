package imagestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// errDiffers ends the work of a compressor that did not make the blob.
var errDiffers = errors.New("the blob was compressed by another program")

// opener opens a blob.
type opener func() (io.ReadCloser, error)

// rebuild finds a layer's blob: it was kept, or it is made once more, in a file below
// dir. It is nil when none of the compressors that we know makes that very blob: a
// compressed stream does not say what made it, and programs differ, and their versions.
func (e *export) rebuild(ctx context.Context, dir string, l exportLayer) (blob opener, err error) {
	if int64(len(l.head)) == l.info.Size { // it is so small that the head is all of it
		return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(l.head)), nil }, nil
	}
	kept, err := e.keptBlob(ctx, l)
	if kept != nil || err != nil {
		return kept, err
	}
	f, err := os.CreateTemp(dir, "blob-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, c := range layers.Compressors(l.head) {
		same, err := e.recompress(ctx, f, l, c)
		if err != nil {
			return nil, err
		}
		if same {
			return func() (io.ReadCloser, error) { return os.Open(f.Name()) }, nil
		}
	}
	return nil, os.Remove(f.Name())
}

// keptBlob is the blob that the layer was stored with, nil when it was not.
func (e *export) keptBlob(ctx context.Context, l exportLayer) (opener, error) {
	root, err := e.repo.ReadTree(ctx, l.commit)
	if err != nil {
		return nil, err
	}
	sum, ok := layers.KeptBlob(root)
	if !ok || l.head == nil { // or it is another blob of the same layer
		return nil, nil //nolint:nilnil // documented
	}
	return func() (io.ReadCloser, error) {
		blob, _, err := e.opener(ctx)(sum)
		return blob, err
	}, nil
}

// recompress tries one compressor.
func (e *export) recompress(ctx context.Context, f *os.File, l exportLayer, c layers.Compressor) (same bool, err error) {
	if err := f.Truncate(0); err != nil {
		return false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	like := &likeness{w: f, head: l.head, size: l.info.Size, hash: sha256.New()}
	z, err := c.Open(like)
	if err != nil {
		return false, err
	}
	err = e.writeTar(ctx, z, l)
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	if like.differs.Load() {
		return false, nil
	}
	return err == nil && digest.NewDigest(digest.SHA256, like.hash) == l.info.Digest, err
}

// likeness compares what a compressor writes with what is known of a blob.
type likeness struct {
	w       io.Writer
	head    []byte // what is still to come of it
	size    int64  // the same
	hash    hash.Hash
	differs atomic.Bool // a compressor may write in a goroutine of its own
}

// Write implements io.Writer. It fails as soon as the blob cannot be the same.
func (l *likeness) Write(p []byte) (int, error) {
	known := min(len(p), len(l.head))
	if l.differs.Load() || int64(len(p)) > l.size || string(p[:known]) != string(l.head[:known]) {
		l.differs.Store(true)
		return 0, errDiffers
	}
	l.head, l.size = l.head[known:], l.size-int64(len(p))
	l.hash.Write(p)
	return l.w.Write(p)
}
