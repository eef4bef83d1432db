package gunzip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// ErrCorrupt says that what was read is no gzip stream, or that its content is not what it was. A stream
// that is cut off is an [io.ErrUnexpectedEOF].
var ErrCorrupt = errors.New("corrupt gzip stream")

// Reader is what a gzip stream decompresses to. Several streams after each other are one.
type Reader struct {
	z     inflater
	ready []byte // decompressed, and not read
	sum   uint32
	size  uint32
	err   error
}

// NewReader reads the header of a stream. It reads more of r than it needs; whoever wants what follows the
// stream must not use it.
func NewReader(r io.Reader) (*Reader, error) {
	z := &Reader{}
	z.z.in.r = r
	if err := z.header(); err != nil {
		return nil, err
	}
	return z, nil
}

// Read implements io.Reader.
func (z *Reader) Read(p []byte) (int, error) {
	for len(z.ready) == 0 && z.err == nil {
		z.ready, z.err = z.z.decode()
		z.sum = crc32.Update(z.sum, crc32.IEEETable, z.ready)
		z.size += uint32(len(z.ready))
		if z.err == nil && z.z.state == finished {
			z.err = z.next()
		}
	}
	n := copy(p, z.ready)
	if z.ready = z.ready[n:]; n == 0 && len(p) > 0 {
		return 0, z.err
	}
	return n, nil
}

// next checks a stream that is at its end, and begins the next one; io.EOF when there is none.
func (z *Reader) next() error {
	var trailer [8]byte
	if err := z.z.in.read(trailer[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(trailer[:]) != z.sum || binary.LittleEndian.Uint32(trailer[4:]) != z.size {
		return corrupt("its checksum is another")
	}
	if z.z.in.ended() {
		return z.z.in.err
	}
	return z.header()
}

// The flags of a header.
const (
	hasChecksum = 1 << 1
	hasExtra    = 1 << 2
	hasName     = 1 << 3
	hasComment  = 1 << 4
)

// header reads what comes before what is compressed.
func (z *Reader) header() error {
	in := headerReader{in: &z.z.in}
	fixed := in.bytes(10)
	if in.err == nil && !bytes.HasPrefix(fixed, []byte{0x1f, 0x8b, 8}) {
		return corrupt("this is not how one begins")
	}
	flags := fixed[3]
	if flags&hasExtra != 0 {
		in.bytes(int(binary.LittleEndian.Uint16(in.bytes(2))))
	}
	if flags&hasName != 0 {
		in.text()
	}
	if flags&hasComment != 0 {
		in.text()
	}
	if flags&hasChecksum != 0 {
		sum := uint16(in.sum)
		if binary.LittleEndian.Uint16(in.bytes(2)) != sum && in.err == nil {
			return corrupt("the checksum of its header is another")
		}
	}
	z.sum, z.size = 0, 0
	z.z.reset()
	return in.err
}

// headerReader reads the parts of a header. After an error they are zeros.
type headerReader struct {
	in  *input
	sum uint32
	err error
}

func (h *headerReader) bytes(n int) []byte {
	part := make([]byte, n)
	if h.err == nil {
		h.err = h.in.read(part)
	}
	if h.err != nil {
		clear(part)
	}
	h.sum = crc32.Update(h.sum, crc32.IEEETable, part)
	return part
}

// text skips a text, which ends with a zero.
func (h *headerReader) text() {
	const most = 512 // as in compress/gzip
	for range most {
		if h.bytes(1)[0] == 0 {
			return
		}
	}
	h.err = corrupt("a name of more than %d bytes", most)
}
