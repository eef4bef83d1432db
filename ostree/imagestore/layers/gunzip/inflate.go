package gunzip

import (
	"encoding/binary"
	"fmt"
)

const (
	window     = 32 << 10
	outputSize = window + 256<<10
	// longest is how far a step that begins before the end of the output goes beyond it: a match, copied in words.
	longest = 258 + wordSize
)

// inflater decodes a deflate stream.
type inflater struct {
	in input

	// out[:n] was decoded, out[:n-window] is no longer needed once it was handed on. What is beyond limit is
	// room for the last step.
	out [outputSize + longest]byte
	n   int

	state  state
	final  bool // the block is the last one
	stored int  // bytes of a stored block to come

	literals  table
	distances table // and before it is known, of the codes that lengths of codes are written in
}

type state int

const (
	between state = iota // blocks
	inStored
	inCodes
	finished
)

// corrupt is the error of a stream that cannot be one.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// reset begins a new stream where the input is.
func (z *inflater) reset() { z.n, z.state = 0, between }

// decode makes more of out, until it is full or the stream is at its end, and returns what is new.
func (z *inflater) decode() ([]byte, error) {
	if z.n > window {
		copy(z.out[:window], z.out[z.n-window:z.n])
		z.n = window
	}
	before := z.n
	var err error
	for z.n < outputSize && z.state != finished && err == nil {
		switch z.state {
		case between:
			err = z.header()
		case inStored:
			err = z.copyStored()
		case inCodes:
			err = z.codes()
		}
	}
	return z.out[before:z.n], err
}

// header reads what begins a block.
func (z *inflater) header() error {
	if z.final {
		z.final, z.state = false, finished
		z.in.align()
		return nil
	}
	h, err := z.in.take(3)
	if err != nil {
		return err
	}
	z.final = h&1 != 0
	switch h >> 1 {
	case 0:
		return z.beginStored()
	case 1:
		return z.beginFixed()
	case 2:
		return z.beginDynamic()
	}
	return corrupt("a block of unknown type")
}

func (z *inflater) beginStored() error {
	z.in.align()
	var size [4]byte
	if err := z.in.read(size[:]); err != nil {
		return err
	}
	n, inverse := binary.LittleEndian.Uint16(size[:]), binary.LittleEndian.Uint16(size[2:])
	if n != ^inverse {
		return corrupt("the size of a stored block is not what it says")
	}
	z.stored, z.state = int(n), inStored
	return nil
}

func (z *inflater) copyStored() error {
	n := min(z.stored, outputSize-z.n)
	if err := z.in.read(z.out[z.n : z.n+n]); err != nil {
		return err
	}
	z.n += n
	if z.stored -= n; z.stored == 0 {
		z.state = between
	}
	return nil
}

func (z *inflater) beginFixed() error {
	var lengths [maxSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	z.literals.build(lengths[:], literalMeanings[:], literalLook)
	for i := range lengths[:32] {
		lengths[i] = 5
	}
	z.distances.build(lengths[:32], distanceMeanings[:], distanceLook)
	z.state = inCodes
	return nil
}

// lengthOrder is the order in which the lengths of the codes come that code lengths are written in.
var lengthOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (z *inflater) beginDynamic() error {
	counts, err := z.in.take(14)
	if err != nil {
		return err
	}
	literals, distances := int(counts&31)+257, int(counts>>5&31)+1
	if literals > maxLiterals || distances > maxDistances {
		return corrupt("%d codes for literals and lengths, %d for distances", literals, distances)
	}
	if err := z.readLengthCodes(int(counts>>10) + 4); err != nil {
		return err
	}
	var lengths [maxLiterals + maxDistances]uint8
	if err := z.readLengths(lengths[:literals+distances]); err != nil {
		return err
	}
	if !z.literals.build(lengths[:literals], literalMeanings[:], literalLook) ||
		!z.distances.build(lengths[literals:literals+distances], distanceMeanings[:], distanceLook) {
		return corrupt("impossible codes")
	}
	z.state = inCodes
	return nil
}

func (z *inflater) readLengthCodes(n int) error {
	var lengths [len(lengthOrder)]uint8
	for _, symbol := range lengthOrder[:n] {
		size, err := z.in.take(3)
		if err != nil {
			return err
		}
		lengths[symbol] = uint8(size)
	}
	if !z.distances.build(lengths[:], lengthMeanings[:], lengthLook) {
		return corrupt("impossible codes for the lengths of codes")
	}
	return nil
}

// readLengths reads the lengths of codes, which are numbers up to 15 or tell to repeat one.
func (z *inflater) readLengths(lengths []uint8) error {
	for at := 0; at < len(lengths); {
		symbol, err := z.lengthSymbol()
		if err != nil {
			return err
		}
		if symbol <= maxCode {
			lengths[at] = uint8(symbol)
			at++
			continue
		}
		if symbol == 16 && at == 0 {
			return corrupt("the length before the first is to be repeated")
		}
		repeat := [...]struct {
			bits  uint
			least int
		}{{2, 3}, {3, 3}, {7, 11}}[symbol-16]
		more, err := z.in.take(repeat.bits)
		if err != nil {
			return err
		}
		n := repeat.least + int(more)
		if n > len(lengths)-at {
			return corrupt("more lengths of codes than there are codes")
		}
		for range n {
			if symbol == 16 {
				lengths[at] = lengths[at-1]
			}
			at++
		}
	}
	return nil
}

func (z *inflater) lengthSymbol() (int, error) {
	if z.in.count < lengthLook {
		z.in.fill()
		if z.in.at > z.in.last() {
			return 0, z.in.cut()
		}
		z.in.refill()
	}
	e := z.distances[z.in.bits&(1<<lengthLook-1)]
	if e&rare != 0 {
		return 0, corrupt("a code for a length that stands for nothing")
	}
	_, err := z.in.take(e.used())
	return e.value(), err
}

// codes decodes a block of codes, until its end or that of the room.
func (z *inflater) codes() error {
	for z.n < outputSize && z.state == inCodes {
		z.in.fill()
		if z.in.at > z.in.last() {
			return z.in.cut()
		}
		if err := z.run(); err != nil {
			return err
		}
		if z.in.overrun() {
			return z.in.cut()
		}
	}
	return nil
}

// run is the loop in which a pull spends its time. It ends with the block, with the room, or when the input
// is to be filled.
//
// Whenever bits are looked at there are 56 at hand: enough for two literals, or for a length and its
// distance, which take 48 at most. What it works with is in variables of its own, for the compiler to keep
// in registers.
func (z *inflater) run() (err error) {
	in, last := &z.in, z.in.last()
	at, next, count := in.at, in.bits, in.count
	out, n := &z.out, z.n
loop:
	for at <= last && n < outputSize {
		next |= binary.LittleEndian.Uint64(in.buf[at:]) << (count & 63)
		at += int((63 - count) >> 3)
		count |= 56

		e := z.literals[next&(1<<literalLook-1)]
		if e&literal != 0 {
			next >>= e.used()
			count -= e.used()
			out[n] = byte(e >> 16)
			n++
			e = z.literals[next&(1<<literalLook-1)]
			if e&literal != 0 {
				next >>= e.used()
				count -= e.used()
				out[n] = byte(e >> 16)
				n++
				continue
			}
			if at > last {
				continue
			}
			next |= binary.LittleEndian.Uint64(in.buf[at:]) << (count & 63)
			at += int((63 - count) >> 3)
			count |= 56
		}
		if e&subtable != 0 {
			next >>= literalLook
			count -= literalLook
			e = z.literals.below(e, next)
			if e&literal != 0 {
				next >>= e.used()
				count -= e.used()
				out[n] = byte(e >> 16)
				n++
				continue
			}
		}
		length := e.extended(next)
		next >>= e.used()
		count -= e.used()
		switch {
		case e&rare == 0:
		case e&end != 0:
			z.state = between
			break loop
		default:
			err = corrupt("a code that stands for nothing")
			break loop
		}

		e = z.distances[next&(1<<distanceLook-1)]
		if e&subtable != 0 {
			next >>= distanceLook
			count -= distanceLook
			e = z.distances.below(e, next)
		}
		distance := e.extended(next)
		next >>= e.used()
		count -= e.used()
		if e&rare != 0 || distance > n {
			err = corrupt("a match with what there is not")
			break loop
		}
		to := n + length
		if distance < wordSize {
			repeat(out, n, distance, length)
			n = to
			continue
		}
		for from := n - distance; n < to; from += wordSize { // it may write more than that, which is written over
			binary.LittleEndian.PutUint64(out[n:], binary.LittleEndian.Uint64(out[from:]))
			n += wordSize
		}
		n = to
	}
	in.at, in.bits, in.count, z.n = at, next, count, n
	return err
}

// repeat copies a match that begins less than a word before n.
func repeat(out *[outputSize + longest]byte, n, distance, length int) {
	if distance == 1 { // mostly zeros
		b := out[n-1]
		for i := range out[n : n+length] {
			out[n+i] = b
		}
		return
	}
	for i := range length {
		out[n+i] = out[n+i-distance]
	}
}
