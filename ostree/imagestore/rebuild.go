package imagestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// errDiffers ends the work of a compressor that did not make the blob.
var errDiffers = errors.New("the blob was compressed by another program")

// rebuild makes a layer's blob once more, in a file below dir. It is "" when none of
// the compressors that we know makes that very blob: a compressed stream does not
// say what made it, and programs differ, and their versions.
func (e *export) rebuild(ctx context.Context, dir string, l exportLayer) (file string, err error) {
	f, err := os.Create(filepath.Join(dir, l.info.Digest.Encoded()))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if int64(len(l.head)) == l.info.Size && l.info.Digest == digest.FromBytes(l.head) {
		_, err := f.Write(l.head) // it is so small that it was kept
		return f.Name(), err
	}
	for _, c := range layers.Compressors(l.head) {
		same, err := e.recompress(ctx, f, l, c)
		if err != nil {
			return "", err
		}
		if same {
			return f.Name(), nil
		}
	}
	return "", os.Remove(f.Name())
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
