package ostree

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Checksum names an object: the SHA-256 of its canonical form.
type Checksum [32]byte

// String is the checksum in lower-case hex, as ostree prints it.
func (c Checksum) String() string { return hex.EncodeToString(c[:]) }

// ParseChecksum reads 64 hex digits.
func ParseChecksum(s string) (Checksum, error) {
	var c Checksum
	if len(s) != hex.EncodedLen(len(c)) {
		return c, fmt.Errorf("reading checksum %q: want %d hex digits", s, hex.EncodedLen(len(c)))
	}
	if _, err := hex.Decode(c[:], []byte(s)); err != nil {
		return c, fmt.Errorf("reading checksum %q: %w", s, err)
	}
	return c, nil
}

// The file types that a repo can hold, as they stand in [Meta].Mode.
const (
	TypeMask = 0o170000
	TypeDir  = 0o040000
	TypeFile = 0o100000
	TypeLink = 0o120000
)

// Xattr is one extended attribute.
type Xattr struct {
	Name  string
	Value []byte
}

// Meta is what a repo keeps of a file or directory besides its content. There
// are no times: ostree has none.
type Meta struct {
	UID, GID uint32
	// Mode is the Unix mode with its type bits (see [TypeMask]).
	Mode uint32
	// Xattrs need not be sorted; a name must not occur twice. One with an empty
	// value is not kept: libostree before 2024 does not see it when it reads the
	// file again, and would call the object corrupt.
	Xattrs []Xattr
}

// canonical returns the attributes that are kept, in the order that the object
// format demands.
func canonical(attrs []Xattr) []Xattr {
	if len(attrs) == 0 {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(attrs), func(a Xattr) bool { return len(a.Value) == 0 })
	slices.SortFunc(kept, func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) })
	return kept
}
