package layers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/syscontainer/syscontainer/ostree"
)

// ErrNoRecord says that a layer was stored without what its tar stream had besides
// the contents of its files.
var ErrNoRecord = errors.New("the layer's tar stream was not recorded")

// errRecord is what is wrong with a record that cannot be followed.
var errRecord = errors.New("malformed record of a tar stream")

// Opener opens the content of a regular file, and tells its size.
type Opener func(sum ostree.Checksum) (content io.ReadCloser, size int64, err error)

// WriteTar writes the tar stream of a stored layer, as it was when it was stored;
// [ErrNoRecord] when nobody recorded it. Whether it is the very same is for the
// caller to see from its digest.
func WriteTar(w io.Writer, root *ostree.Tree, open Opener) error {
	last, ok := root.Files[recordLast]
	if !ok {
		return ErrNoRecord
	}
	a := &assembler{w: w, open: open, root: root, buf: make([]byte, 128<<10)}
	var err error
	if a.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(recordPart)); err != nil {
		return err
	}
	defer a.decoder.Close()
	data, err := a.load(last)
	if err != nil {
		return err
	}
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return fmt.Errorf("%w: its index is cut off", errRecord)
	}
	data = data[n:]
	a.last = data[size:]
	return a.run(bytes.NewReader(data[:size]))
}

// assembler puts one stream together.
type assembler struct {
	w       io.Writer
	open    Opener
	root    *ostree.Tree
	decoder *zstd.Decoder
	buf     []byte

	kept  []byte // bytes of the record, decompressed
	parts int    // that were read
	last  []byte // nil when it was read
}

// run follows the index.
func (a *assembler) run(index *bytes.Reader) error {
	for {
		before, err := binary.ReadUvarint(index)
		if err != nil {
			return fmt.Errorf("%w: its index ends too early", errRecord)
		}
		size, err := binary.ReadUvarint(index)
		if err != nil {
			return fmt.Errorf("%w: its index ends too early", errRecord)
		}
		if err := a.writeKept(before); err != nil {
			return err
		}
		if size == 0 {
			break
		}
		var sum ostree.Checksum
		if _, err := io.ReadFull(index, sum[:]); err != nil {
			return fmt.Errorf("%w: its index ends too early", errRecord)
		}
		if err := a.writeContent(sum, size); err != nil {
			return err
		}
	}
	if index.Len() > 0 || len(a.kept) > 0 || a.last != nil {
		return fmt.Errorf("%w: it goes on after its end", errRecord)
	}
	return nil
}

// writeKept copies bytes of the record itself.
func (a *assembler) writeKept(n uint64) error {
	for n > 0 {
		if len(a.kept) == 0 {
			if err := a.nextPart(); err != nil {
				return err
			}
		}
		chunk := a.kept[:min(n, uint64(len(a.kept)))]
		if _, err := a.w.Write(chunk); err != nil {
			return err
		}
		a.kept = a.kept[len(chunk):]
		n -= uint64(len(chunk))
	}
	// A last part without bytes belongs to what came before.
	if len(a.kept) == 0 && a.last != nil && !a.hasPart() {
		return a.nextPart()
	}
	return nil
}

func (a *assembler) partName() string { return fmt.Sprintf("%s%08d", recordName, a.parts) }

func (a *assembler) hasPart() bool {
	_, ok := a.root.Files[a.partName()]
	return ok
}

func (a *assembler) nextPart() (err error) {
	packed := a.last
	if sum, ok := a.root.Files[a.partName()]; ok {
		a.parts++
		if packed, err = a.load(sum); err != nil {
			return err
		}
	} else {
		a.last = nil
	}
	if packed == nil {
		return fmt.Errorf("%w: it lacks bytes", errRecord)
	}
	if a.kept, err = a.decoder.DecodeAll(packed, nil); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	return nil
}

// load reads an object of the record.
func (a *assembler) load(sum ostree.Checksum) ([]byte, error) {
	f, size, err := a.open(sum)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, err
}

// writeContent copies a content of which size bytes were in the stream.
func (a *assembler) writeContent(sum ostree.Checksum, size uint64) error {
	f, has, err := a.open(sum)
	if err != nil {
		return err
	}
	defer f.Close()
	if uint64(has) != size {
		return fmt.Errorf("%w: object %s is not of %d bytes", errRecord, sum, size)
	}
	n, err := io.CopyBuffer(onlyWriter{a.w}, io.LimitReader(f, has), a.buf)
	if err == nil && n != has {
		err = fmt.Errorf("object %s: %w", sum, io.ErrUnexpectedEOF)
	}
	return err
}

// onlyWriter hides what else a writer can do, so that the buffer is used.
type onlyWriter struct{ io.Writer }
