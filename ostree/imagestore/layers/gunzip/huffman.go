package gunzip

import "math/bits"

const (
	maxCode      = 15 // bits of a code
	maxSymbols   = 288
	maxLiterals  = 286
	maxDistances = 30
	endOfBlock   = 256

	// A code of at most so many bits is found with one look.
	literalLook  = 11
	distanceLook = 8
	lengthLook   = 7 // of the codes that code lengths are written in

	// What a table with all its subtables takes at most, as a power of two: an index that is cut to it
	// needs no check.
	tableSize = 1 << 13
)

// entry says what a code stands for:
//
//	bits 0-5    how many bits to use up: the code (in a subtable its rest), and what belongs to it
//	bit  6      it is something rare: the end of a block, a subtable, or else nothing that there may be
//	bit  7      it is the end of a block
//	bits 8-12   how many of the bits are the code; of a subtable, how many bits choose from it
//	bit  13     it is a subtable
//	bits 16-30  the literal, the least length or distance, or where the subtable begins
//	bit  31     it is a literal
type entry uint32

const (
	rare     entry = 1 << 6
	end      entry = 1 << 7
	subtable entry = 1 << 13
	literal  entry = 1 << 31
)

func (e entry) used() uint { return uint(e & 63) }
func (e entry) code() uint { return uint(e>>8) & 31 }
func (e entry) value() int { return int(e>>16) & 0x7fff }

// coded is what stands for e, with a code of so many bits.
func (e entry) coded(size uint) entry { return e + entry(size)<<8 + entry(size) }

// extended is the number that stands in next: a length or distance with its extra bits.
func (e entry) extended(next uint64) int {
	return e.value() + int(next&(1<<e.used()-1)>>e.code())
}

// number is a length or distance from base on, with extra bits to be added.
func number(base int, extra uint) entry { return entry(base)<<16 | entry(extra) }

// table finds what a code stands for.
type table [tableSize]entry

// below looks into the subtable e; the bits that led to it are used up.
func (t *table) below(e entry, next uint64) entry {
	return t[(uint64(e.value())+next&(1<<e.code()-1))&(tableSize-1)]
}

// build makes the table of codes with the given lengths, of which 0 is no code; meanings are what they
// stand for. It reports whether there can be such codes: all that there is room for, or a single one of one
// bit, or none, which is fine as long as none is used.
func (t *table) build(lengths []uint8, meanings []entry, look uint) bool {
	var starts [maxCode + 2]int // where symbols of each length begin in the order of codes
	for _, size := range lengths {
		if size > 0 {
			starts[size+1]++
		}
	}
	space, longest := 0, 0 // of 1<<maxCode
	for size := 1; size <= maxCode; size++ {
		if n := starts[size+1]; n > 0 {
			longest = size
			space += n << (maxCode - size)
		}
		starts[size+1] += starts[size]
	}
	complete := space == 1<<maxCode
	if !complete {
		if lonely := longest == 1 && space == 1<<(maxCode-1); !lonely && longest > 0 {
			return false
		}
		for i := range t[:1<<look] {
			t[i] = rare
		}
	}
	var order [maxSymbols]uint16
	for symbol, size := range lengths {
		if size > 0 {
			order[starts[size]] = uint16(symbol)
			starts[size]++
		}
	}
	t.place(order[:starts[maxCode]], lengths, meanings, look, uint(longest))
	return true
}

// place writes the entries of symbols in the order of their codes. The first bit of a code is its highest,
// and the first bit of the input its lowest; so a code's place is its reverse.
func (t *table) place(order []uint16, lengths []uint8, meanings []entry, look, longest uint) {
	deeper := longest - min(longest, look) // bits that choose from a subtable
	free := 1 << look                      // where the next subtable begins
	code, last := uint16(0), uint8(0)
	for _, symbol := range order {
		size := uint(lengths[symbol])
		code <<= lengths[symbol] - last
		last = lengths[symbol]
		place := int(bits.Reverse16(code << (16 - size)))
		code++
		if size <= look {
			for i := place; i < 1<<look; i += 1 << size {
				t[i] = meanings[symbol].coded(size)
			}
			continue
		}
		first, rest := place&(1<<look-1), place>>look
		if rest == 0 { // this code is the first in its subtable
			t[first] = entry(free)<<16 | rare | subtable | entry(deeper)<<8 | entry(look)
			free += 1 << deeper
		}
		in := t[t[first].value():]
		for i := rest; i < 1<<deeper; i += 1 << (size - look) {
			in[i] = meanings[symbol].coded(size - look)
		}
	}
}
