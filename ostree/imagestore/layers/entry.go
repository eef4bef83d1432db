package layers

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/syscontainer/syscontainer/ostree"
)

// kind is what an entry of a layer does to the tree below it.
type kind string

const (
	kindDir      kind = "d" // make a directory, or give the one there its metadata
	kindFile     kind = "f" // put a file or symlink, whatever was there
	kindHardLink kind = "h" // put the file that stands at target
	kindWhiteout kind = "w" // remove what lower layers put at path
	kindOpaque   kind = "o" // remove what lower layers put into the directory path
	kindSkipped  kind = "s" // a device, fifo or socket: remove what is at path
)

// Entry is one step of a layer, in the order of its tar stream.
type Entry struct {
	// Path is clean and relative; "" is the root.
	Path string `json:"p"`
	Kind kind   `json:"k"`
	// Sum is the content object of a file (also of a whiteout's marker), or the
	// metadata object of a directory.
	Sum ostree.Checksum `json:"-"`
	Hex string          `json:"c,omitempty"` // Sum, when stored
	// Target is where a symlink points, or the path that a hard link names.
	Target string `json:"t,omitempty"`
	// PathBytes and TargetBytes are Path and Target when stored, where JSON cannot
	// hold them: what is not UTF-8.
	PathBytes   []byte `json:"pb,omitempty"`
	TargetBytes []byte `json:"tb,omitempty"`
	// Link tells that a kindFile is a symlink.
	Link bool `json:"l,omitempty"`
	// Unknown tells that nobody looked whether a kindFile is a symlink.
	Unknown bool `json:"-"`
}

// toJSON writes entries in the form in which they are stored.
func toJSON(entries []Entry) ([]byte, error) {
	stored := make([]Entry, len(entries))
	for i, e := range entries {
		if e.Sum != (ostree.Checksum{}) {
			e.Hex = e.Sum.String()
		}
		if !utf8.ValidString(e.Path) {
			e.Path, e.PathBytes = "", []byte(e.Path)
		}
		if !utf8.ValidString(e.Target) {
			e.Target, e.TargetBytes = "", []byte(e.Target)
		}
		stored[i] = e
	}
	return json.Marshal(stored)
}

// fromJSON is the inverse of toJSON.
func fromJSON(text []byte) (entries []Entry, err error) {
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		if e.PathBytes != nil {
			e.Path, e.PathBytes = string(e.PathBytes), nil
		}
		if e.TargetBytes != nil {
			e.Target, e.TargetBytes = string(e.TargetBytes), nil
		}
		if e.Hex == "" {
			continue
		}
		if e.Sum, err = ostree.ParseChecksum(e.Hex); err != nil {
			return nil, err
		}
		e.Hex = ""
	}
	return entries, nil
}
