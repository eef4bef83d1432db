package layers

import "github.com/syscontainer/syscontainer/ostree"

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
	// Link tells that a kindFile is a symlink.
	Link bool `json:"l,omitempty"`
	// Unknown tells that nobody looked whether a kindFile is a symlink.
	Unknown bool `json:"-"`
}
