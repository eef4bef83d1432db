package layers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/syscontainer/syscontainer/ostree/imagestore/layers/gunzip"
)

// decompress finds out how a layer is compressed and undoes it.
func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	magic, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gunzip.NewReader(buffered)
		return io.NopCloser(z), err
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(magic):
		d, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte("BZh")), bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, broken("a layer is compressed with bzip2 or xz; gzip, zstd and none are possible")
	}
	return io.NopCloser(buffered), nil
}

// isSkippable recognises a zstd stream that begins with a skippable frame.
func isSkippable(magic []byte) bool {
	return len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}

const (
	aheadBlock  = 256 << 10
	aheadBlocks = 8
)

// readAhead reads a stream in a goroutine of its own and hashes it in another, so that
// decompression, the digest and the work on what was decompressed overlap.
type readAhead struct {
	read   chan block  // not hashed
	full   chan block  // to be worked on
	empty  chan []byte // to be read into
	stop   chan struct{}
	ended  sync.WaitGroup
	at     []byte
	err    error
	buffer []byte // to give back when at is used up
}

type block struct {
	data []byte
	err  error
}

func newReadAhead(r io.Reader, h hash.Hash) *readAhead {
	a := &readAhead{
		read: make(chan block, aheadBlocks), full: make(chan block, aheadBlocks),
		empty: make(chan []byte, aheadBlocks), stop: make(chan struct{}),
	}
	for range aheadBlocks {
		a.empty <- make([]byte, aheadBlock)
	}
	a.ended.Go(func() { a.fill(r) })
	a.ended.Go(func() { a.hash(h) })
	return a
}

func (a *readAhead) fill(r io.Reader) {
	defer close(a.read)
	for {
		select {
		case <-a.stop:
			return
		case buf := <-a.empty:
			n, err := fillBlock(r, buf)
			a.read <- block{data: buf[:n], err: err}
			if err != nil {
				return
			}
		}
	}
}

func (a *readAhead) hash(h hash.Hash) {
	for b := range a.read {
		h.Write(b.data)
		a.full <- b
	}
}

// fillBlock is io.ReadFull that keeps the error as it was: the end of a stream
// and one that broke off must not look alike.
func fillBlock(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// Read implements io.Reader.
func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.at) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.buffer != nil {
			a.empty <- a.buffer[:aheadBlock]
		}
		b := <-a.full
		a.at, a.buffer, a.err = b.data, b.data, b.err
	}
	n := copy(p, a.at)
	a.at = a.at[n:]
	return n, nil
}

// close ends the goroutines and waits for them; r and h are the caller's again.
// It may wait for a read of r that is under way.
func (a *readAhead) close() {
	close(a.stop)
	a.ended.Wait()
}

// badStream names what is wrong with a layer's compression.
func badStream(err error) error {
	switch {
	case errors.Is(err, ErrBroken):
		return err
	case errors.Is(err, gunzip.ErrCorrupt), errors.Is(err, zstd.ErrCRCMismatch), errors.Is(err, zstd.ErrMagicMismatch):
		return broken("decompressing a layer: %w", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return broken("a layer ends too early: %w", err)
	}
	return fmt.Errorf("reading a layer: %w", err)
}
