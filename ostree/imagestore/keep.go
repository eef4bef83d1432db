package imagestore

import (
	"bufio"
	"errors"
	"io"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// keeper writes a compressed blob as an object while a layer is made of it.
type keeper struct {
	// Reader is the blob.
	io.Reader

	w    *io.PipeWriter
	done chan struct{}
	sum  ostree.Checksum
	err  error
}

// keepBlob begins to keep a blob of the given size. What is not compressed, or of an
// unknown size, just passes: the layer itself brings it back, or nobody asks for it.
func keepBlob(r io.Reader, size int64, to layers.Objects) *keeper {
	const magic = 4
	k := &keeper{Reader: r, done: make(chan struct{})}
	if size <= 0 {
		close(k.done)
		return k
	}
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, _ := buffered.Peek(magic) // an error comes again
	if k.Reader = buffered; len(layers.Compressors(head)) == 0 {
		close(k.done)
		return k
	}
	var pr *io.PipeReader
	pr, k.w = io.Pipe()
	k.Reader = io.TeeReader(buffered, k.w)
	go func() {
		defer close(k.done)
		k.sum, k.err = layers.WriteBlob(to, size, pr)
		_, err := io.Copy(io.Discard, pr) // a blob that is too long is found out by others
		k.err = errors.Join(k.err, err)
	}()
	return k
}

// finish returns the object when the blob was read to its end; a zero one when it
// was not kept.
func (k *keeper) finish() (ostree.Checksum, error) {
	if k.w != nil {
		k.w.Close()
	}
	<-k.done
	return k.sum, k.err
}
