package gunzip

import (
	"encoding/binary"
	"io"
)

const (
	inputSize = 128 << 10
	// padding is how many zeros follow the last byte of the input, so that words can be read there.
	padding = 16
	// wordSize is how many bytes are read at once.
	wordSize = 8
)

// input is a compressed stream, of which some is in memory.
type input struct {
	r   io.Reader
	err error // of r; io.EOF when buf[at:end] is the rest

	buf     [inputSize + padding]byte
	at, end int

	// bits are the bits that come before buf[at], the first one lowest. There are at least count of them.
	bits  uint64
	count uint
}

// fill reads until a word and more is in memory, or all of the rest.
func (i *input) fill() {
	if i.end-i.at >= padding || i.err != nil {
		return
	}
	i.unread()
	i.end = copy(i.buf[:], i.buf[i.at:i.end])
	i.at = 0
	for i.end < padding && i.err == nil {
		var n int
		n, i.err = i.r.Read(i.buf[i.end:inputSize])
		i.end += n
	}
	clear(i.buf[i.end : i.end+padding])
}

// unread gives the whole bytes among the bits back to the buffer.
func (i *input) unread() {
	i.at -= int(i.count >> 3)
	i.count &= 7
	i.bits &= 1<<i.count - 1
}

// last is where a word may begin: its end may lie in the padding, after the last of the input.
func (i *input) last() int {
	if i.err != nil {
		return i.end + padding - wordSize
	}
	return i.end - wordSize
}

// refill makes count at least 56. It must not be called when at is beyond last.
func (i *input) refill() {
	i.bits |= binary.LittleEndian.Uint64(i.buf[i.at:]) << (i.count & 63)
	i.at += int((63 - i.count) >> 3)
	i.count |= 56
}

// overrun tells that bits were used that the input does not have.
func (i *input) overrun() bool { return i.at-int(i.count>>3) > i.end }

// cut is the error of an input that has overrun.
func (i *input) cut() error {
	if i.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return i.err
}

// take returns the next n bits, 32 at most.
func (i *input) take(n uint) (uint32, error) {
	if i.count < n {
		i.fill()
		if i.at > i.last() {
			return 0, i.cut()
		}
		i.refill()
	}
	taken := uint32(i.bits & (1<<n - 1))
	i.bits >>= n
	i.count -= n
	if i.overrun() {
		return 0, i.cut()
	}
	return taken, nil
}

// align drops the rest of a byte, and makes at the next byte.
func (i *input) align() {
	i.unread()
	i.bits, i.count = 0, 0
}

// read fills p. The input must be aligned.
func (i *input) read(p []byte) error {
	for len(p) > 0 {
		i.fill()
		if i.at >= i.end {
			return i.cut()
		}
		n := copy(p, i.buf[i.at:i.end])
		i.at += n
		p = p[n:]
	}
	return nil
}

// ended tells that nothing follows. The input must be aligned.
func (i *input) ended() bool {
	i.fill()
	return i.at >= i.end
}
