package imagestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

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

// entry is one step of a layer, in the order of its tar stream.
type entry struct {
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
}

// encodeEntries stores the steps of a layer, for the commit's metadata.
func encodeEntries(entries []entry) ([]byte, error) {
	stored := make([]entry, len(entries))
	for i, e := range entries {
		if e.Sum != (ostree.Checksum{}) {
			e.Hex = e.Sum.String()
		}
		stored[i] = e
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return nil, err
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.EncodeAll(text, nil), nil
}

// decodeEntries is the inverse of encodeEntries.
func decodeEntries(data []byte) ([]entry, error) {
	r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	var entries []entry
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	for i := range entries {
		e := &entries[i]
		if e.Hex == "" {
			continue
		}
		if e.Sum, err = ostree.ParseChecksum(e.Hex); err != nil {
			return nil, fmt.Errorf("reading a layer's entries: %w", err)
		}
	}
	return entries, nil
}
