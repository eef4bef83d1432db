package ostree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// This file reads and writes the four GVariant types that ostree's metadata
// objects consist of, in Go, so that a tree of many thousand directories costs
// one crossing into C per object and not one per name:
//
//	a(ayay)         extended attributes
//	(uuua(ayay))    directory metadata
//	(uuuusa(ayay))  the header that a file's checksum begins with
//	(a(say)a(sayay)) a directory tree
//
// A GVariant container ends with the ends of its elements of variable size, as
// little-endian numbers of the smallest width that can express its own size.

var errMalformed = errors.New("malformed metadata object")

// offsetSize is the width of a container's offsets, given its whole size.
func offsetSize(size int) int {
	switch {
	case size == 0:
		return 0
	case size <= 0xff:
		return 1
	case size <= 0xffff:
		return 2
	case size <= 0xffffffff:
		return 4
	}
	return 8
}

// widthFor is the width of offsets for a body and the number of its offsets.
func widthFor(body, offsets int) int {
	for _, w := range []int{1, 2, 4} {
		if offsetSize(body+offsets*w) <= w {
			return w
		}
	}
	return 8
}

// appendOffsets closes the container that begins at start in b.
func appendOffsets(b []byte, start int, ends []int) []byte {
	if len(ends) == 0 {
		return b
	}
	width := widthFor(len(b)-start, len(ends))
	for _, end := range ends {
		var le [8]byte
		binary.LittleEndian.PutUint64(le[:], uint64(end))
		b = append(b, le[:width]...)
	}
	return b
}

// appendXattrs appends an a(ayay).
func appendXattrs(b []byte, attrs []Xattr) []byte {
	start := len(b)
	var ends []int
	for _, a := range canonical(attrs) {
		element := len(b)
		b = append(append(b, a.Name...), 0)
		nameEnd := len(b) - element
		b = append(b, a.Value...)
		b = appendOffsets(b, element, []int{nameEnd})
		ends = append(ends, len(b)-start)
	}
	return appendOffsets(b, start, ends)
}

// dirMeta is a directory's metadata object.
func dirMeta(m Meta) []byte {
	b := make([]byte, 0, 32)
	b = binary.BigEndian.AppendUint32(b, m.UID)
	b = binary.BigEndian.AppendUint32(b, m.GID)
	b = binary.BigEndian.AppendUint32(b, m.Mode)
	return appendXattrs(b, m.Xattrs)
}

// fileHeader is what the checksum of a file covers before its content: the
// size of the header, four bytes of padding, the header.
func fileHeader(m Meta, target string) []byte {
	b := make([]byte, 8, 64)
	b = binary.BigEndian.AppendUint32(b, m.UID)
	b = binary.BigEndian.AppendUint32(b, m.GID)
	b = binary.BigEndian.AppendUint32(b, m.Mode)
	b = binary.BigEndian.AppendUint32(b, 0) // the device number, always none
	b = append(append(b, target...), 0)
	targetEnd := len(b) - 8
	b = appendXattrs(b, m.Xattrs)
	b = appendOffsets(b, 8, []int{targetEnd})
	binary.BigEndian.PutUint32(b, uint32(len(b)-8))
	return b
}

// treeObject is one directory: names in byte order, with their checksums.
type treeObject struct {
	files []fileName
	dirs  []dirName
}

type fileName struct {
	name string
	sum  Checksum
}

type dirName struct {
	name          string
	content, meta Checksum
}

// sort puts the names into byte order.
func (t treeObject) sort() {
	slices.SortFunc(t.files, func(a, b fileName) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(t.dirs, func(a, b dirName) int { return strings.Compare(a.name, b.name) })
}

// encode returns the object; the names must be sorted.
func (t treeObject) encode() []byte {
	var b []byte
	var ends []int
	for _, f := range t.files {
		element := len(b)
		b = append(append(b, f.name...), 0)
		nameEnd := len(b) - element
		b = append(b, f.sum[:]...)
		b = appendOffsets(b, element, []int{nameEnd})
		ends = append(ends, len(b))
	}
	b = appendOffsets(b, 0, ends)
	filesEnd, start := len(b), len(b)
	ends = ends[:0]
	for _, d := range t.dirs {
		element := len(b)
		b = append(append(b, d.name...), 0)
		nameEnd := len(b) - element
		b = append(b, d.content[:]...)
		contentEnd := len(b) - element
		b = append(b, d.meta[:]...)
		b = appendOffsets(b, element, []int{contentEnd, nameEnd})
		ends = append(ends, len(b)-start)
	}
	b = appendOffsets(b, start, ends)
	return appendOffsets(b, 0, []int{filesEnd})
}

// offsetAt reads the offset that stands n offsets from the end of b.
func offsetAt(b []byte, n int) (int, error) {
	width := offsetSize(len(b))
	at := len(b) - n*width
	if width == 0 || at < 0 {
		return 0, errMalformed
	}
	var le [8]byte
	copy(le[:], b[at:at+width])
	end := binary.LittleEndian.Uint64(le[:])
	if end > uint64(at) {
		return 0, errMalformed
	}
	return int(end), nil
}

// elements splits an array whose elements vary in size.
func elements(b []byte) ([][]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	bodyEnd, err := offsetAt(b, 1)
	if err != nil {
		return nil, err
	}
	width := offsetSize(len(b))
	if (len(b)-bodyEnd)%width != 0 {
		return nil, errMalformed
	}
	count := (len(b) - bodyEnd) / width
	list := make([][]byte, 0, count)
	for i, start := count, 0; i > 0; i-- {
		end, err := offsetAt(b, i)
		if err != nil || end < start || end > bodyEnd {
			return nil, errMalformed
		}
		list = append(list, b[start:end])
		start = end
	}
	return list, nil
}

// split cuts a tuple at its n offsets, which stand in reverse at its end.
func split(b []byte, n int) ([][]byte, error) {
	var parts [][]byte
	start := 0
	for i := 1; i <= n; i++ {
		end, err := offsetAt(b, i)
		if err != nil || end < start {
			return nil, errMalformed
		}
		parts = append(parts, b[start:end])
		start = end
	}
	rest := len(b) - n*offsetSize(len(b))
	if rest < start {
		return nil, errMalformed
	}
	return append(parts, b[start:rest]), nil
}

// text reads a string's bytes, which end with a NUL.
func text(b []byte) (string, error) {
	if i := bytes.IndexByte(b, 0); i < 0 || i != len(b)-1 {
		return "", errMalformed
	}
	return string(b[:len(b)-1]), nil
}

func parseXattrs(b []byte) ([]Xattr, error) {
	list, err := elements(b)
	if err != nil {
		return nil, err
	}
	var attrs []Xattr
	for _, e := range list {
		parts, err := split(e, 1)
		if err != nil {
			return nil, err
		}
		name, err := text(parts[0])
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, Xattr{Name: name, Value: bytes.Clone(parts[1])})
	}
	return attrs, nil
}

func parseDirMeta(b []byte) (Meta, error) {
	if len(b) < 12 {
		return Meta{}, errMalformed
	}
	attrs, err := parseXattrs(b[12:])
	return Meta{
		UID:    binary.BigEndian.Uint32(b),
		GID:    binary.BigEndian.Uint32(b[4:]),
		Mode:   binary.BigEndian.Uint32(b[8:]),
		Xattrs: attrs,
	}, err
}

func parseTree(b []byte) (treeObject, error) {
	var t treeObject
	halves, err := split(b, 1)
	if err != nil {
		return t, err
	}
	files, err := elements(halves[0])
	if err != nil {
		return t, err
	}
	for _, e := range files {
		var f fileName
		if f.name, err = parseNamed(e, &f.sum); err != nil {
			return t, err
		}
		t.files = append(t.files, f)
	}
	dirs, err := elements(halves[1])
	if err != nil {
		return t, err
	}
	for _, e := range dirs {
		var d dirName
		if d.name, err = parseNamed(e, &d.content, &d.meta); err != nil {
			return t, err
		}
		t.dirs = append(t.dirs, d)
	}
	return t, nil
}

// parseNamed reads a tuple of a name and checksums.
func parseNamed(b []byte, sums ...*Checksum) (string, error) {
	parts, err := split(b, len(sums))
	if err != nil {
		return "", err
	}
	for i, sum := range sums {
		if len(parts[i+1]) != len(sum) {
			return "", errMalformed
		}
		copy(sum[:], parts[i+1])
	}
	return text(parts[0])
}
