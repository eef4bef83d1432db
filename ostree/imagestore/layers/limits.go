package layers

import (
	"fmt"
	"io"
	"sync/atomic"
)

// maxNames bounds the memory for the entries of a layer: their paths and
// targets, and what each costs besides.
const (
	maxNames  = 512 << 20
	entryCost = 256
)

// counter counts what passes through it. The decompressor may read in a
// goroutine of its own.
type counter struct {
	r    io.Reader
	size atomic.Int64
	err  atomic.Pointer[error] // other than the end
	head []byte                // the first bytes; read it when the stream is at its end
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.size.Add(int64(n))
	if missing := headSize - len(c.head); missing > 0 {
		c.head = append(c.head, p[:min(n, missing)]...)
	}
	if err != nil && err != io.EOF {
		c.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// blame returns the error of the stream itself, if it had one, in place of what
// came of it further up: a connection that was cut is no broken layer.
func (c *counter) blame(err error) error {
	if own := c.err.Load(); err != nil && own != nil {
		return fmt.Errorf("reading a layer: %w", *own)
	}
	return err
}

// bounded is a decompressed stream that fails where the limits end.
type bounded struct {
	r      io.Reader
	blob   *counter
	limits Limits
	size   int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.size += int64(n)
	if err := b.limits.checkSize(b.size); err != nil {
		return n, err
	}
	if b.limits.Ratio > 0 && b.size > b.limits.RatioFrom && b.size/b.limits.Ratio > b.blob.size.Load() {
		return n, broken("a layer unpacks to more than %d times its size; the limit is there against decompression bombs", b.limits.Ratio)
	}
	return n, err
}

func (l Limits) checkSize(size int64) error {
	if l.Size > 0 && size > l.Size {
		return broken("a layer unpacks to more than the limit of %d bytes", l.Size)
	}
	return nil
}

// budget bounds what the entries of a layer add up to: a sparse file has a size
// without having been in the stream.
type budget struct {
	limits       Limits
	files, names int64
}

// spend counts one entry.
func (b *budget) spend(size int64, texts ...string) error {
	b.names += entryCost
	for _, text := range texts {
		b.names += int64(len(text))
	}
	if b.names > maxNames {
		return broken("a layer has more entries, or longer names, than fit into %d MB", maxNames>>20)
	}
	if size < 0 || size > 1<<62-b.files {
		return broken("a layer with a file of %d bytes", size)
	}
	b.files += size
	return b.limits.checkSize(b.files)
}
