// Package refname writes image references as names of ostree refs. It is pure.
package refname

import (
	"fmt"
	"strings"
)

const (
	// chunkSize keeps each component of a ref a valid file name.
	chunkSize = 200
	// maxReference keeps the path of a ref below PATH_MAX.
	maxReference = 1024
	// more ends every component but the last: a reference that is a prefix of
	// another one is then a file beside a folder, never both.
	more = "_."
)

// Encode turns any reference into the part of a ref name after "image/", and
// back with Decode. Letters, digits, '.' and '-' stay; every other byte, and
// a '.' or '-' where a component must not begin with it, becomes '_' and two hex
// digits.
func Encode(reference string) (string, error) {
	if reference == "" || len(reference) > maxReference {
		return "", fmt.Errorf("a reference of %d bytes cannot be stored, 1 to %d are possible", len(reference), maxReference)
	}
	var b strings.Builder
	start := 0
	for i := range len(reference) {
		if b.Len()-start >= chunkSize {
			b.WriteString(more + "/")
			start = b.Len()
		}
		c := reference[i]
		if isAlphanumeric(c) || (c == '.' || c == '-') && b.Len() > start {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String(), nil
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Decode is the inverse of Encode. It refuses what Encode never makes.
func Decode(name string) (string, error) {
	var b strings.Builder
	for rest := strings.ReplaceAll(name, more+"/", ""); rest != ""; {
		if rest[0] != '_' {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		var c byte
		if len(rest) < 3 {
			return "", fmt.Errorf("ref name %q is not one of an image", name)
		}
		if _, err := fmt.Sscanf(rest[1:3], "%02x", &c); err != nil {
			return "", fmt.Errorf("ref name %q is not one of an image", name)
		}
		b.WriteByte(c)
		rest = rest[3:]
	}
	if again, err := Encode(b.String()); err != nil || again != name {
		return "", fmt.Errorf("ref name %q is not one of an image", name)
	}
	return b.String(), nil
}
