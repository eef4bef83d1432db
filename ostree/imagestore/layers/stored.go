package layers

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/syscontainer/syscontainer/ostree"
)

// Stored is what a repo keeps of a layer: the content of its commit.
type Stored struct {
	// Tree is the layer as it is, with whiteout markers; or, when Steps is set,
	// just the objects that the steps name.
	Tree *ostree.Tree
	// RootDescribed tells that the layer has an entry for its root.
	RootDescribed bool
	// Steps is set when the order of the stream matters, see layerTree.
	Steps []byte
}

// Store makes the stored form of a layer, with the record of its tar stream.
// RootMeta is the metadata of a root that the layer does not describe.
func (l Layer) Store(rootMeta ostree.Checksum) (Stored, error) {
	stored, err := store(l.Entries, rootMeta)
	if err == nil {
		l.record.place(stored.Tree)
		if l.Blob != (ostree.Checksum{}) {
			stored.Tree.Files[recordBlob] = l.Blob
		}
	}
	return stored, err
}

// store makes the stored form of a layer's entries.
func store(entries []Entry, rootMeta ostree.Checksum) (Stored, error) {
	if root, ok := layerTree(entries, rootMeta); ok {
		return Stored{Tree: root.tree(), RootDescribed: root.described}, nil
	}
	steps, err := encode(entries)
	return Stored{Tree: heap(entries, rootMeta), Steps: steps}, err
}

// Entries is the inverse of Store: entries that merge to the same.
func (s Stored) Entries() ([]Entry, error) {
	if s.Steps != nil {
		return decode(s.Steps)
	}
	return fromTree(s.Tree, s.RootDescribed), nil
}

// layerTree is the tree of a layer that is taken by itself: whiteouts are the
// marker files that they were in the tar stream, hard links are resolved.
//
// It exists (ok) only for an orderly layer: every directory is described before
// what it holds, nothing changes its type on the way, no hard link leaves the
// layer, and no whiteout meets a name that the layer itself puts there. Applied
// to any lower layers, the entries of such a tree give the same result in any
// order (directories first); layers in the wild mostly are like that. For the
// others the order of the stream matters, and their entries are stored instead.
func layerTree(entries []Entry, rootMeta ostree.Checksum) (root *node, ok bool) {
	root = newDir(rootMeta, 0)
	for _, e := range entries {
		if e.Path == "" && e.Kind == kindDir {
			root.sum, root.described = e.Sum, true
		}
		if !root.put(e) {
			return nil, false
		}
	}
	return root, true
}

// heap keeps the objects that stored steps name: files and, as the metadata of
// empty directories, directories.
func heap(entries []Entry, rootMeta ostree.Checksum) *ostree.Tree {
	tree := ostree.NewTree(rootMeta)
	for _, e := range entries {
		switch {
		case e.Kind == kindDir:
			tree.Dirs["d-"+e.Sum.String()] = ostree.NewTree(e.Sum)
		case e.Sum != (ostree.Checksum{}):
			tree.Files[e.Sum.String()] = e.Sum
		}
	}
	return tree
}

// fromTree is the inverse of layerTree, on what the repo stored. The root is
// described only if it was then.
func fromTree(root *ostree.Tree, rootDescribed bool) []Entry {
	var entries []Entry
	if rootDescribed {
		entries = append(entries, Entry{Kind: kindDir, Sum: root.Meta})
	}
	return appendTree(entries, "", root)
}

func appendTree(entries []Entry, prefix string, t *ostree.Tree) []Entry {
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if isRecord(name) {
			continue
		}
		e := Entry{Path: prefix + name, Kind: kindFile, Sum: t.Files[name], Unknown: true}
		if target, ok := t.Targets[name]; ok {
			e.Link, e.Target, e.Unknown = true, target, false
		}
		if name == opaqueMarker {
			e.Path, e.Kind = strings.TrimSuffix(prefix, "/"), kindOpaque
		} else if removed, ok := strings.CutPrefix(name, whiteoutPrefix); ok {
			e.Path, e.Kind = prefix+removed, kindWhiteout
		}
		entries = append(entries, e)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Dirs)) {
		dir := t.Dirs[name]
		entries = append(entries, Entry{Path: prefix + name, Kind: kindDir, Sum: dir.Meta})
		entries = appendTree(entries, prefix+name+"/", dir)
	}
	return entries
}

// encode stores the steps of a layer, for the commit's metadata.
func encode(entries []Entry) ([]byte, error) {
	text, err := toJSON(entries)
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

// decode is the inverse of encode.
func decode(data []byte) ([]Entry, error) {
	r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	entries, err := fromJSON(text)
	if err != nil {
		return nil, fmt.Errorf("reading a layer's entries: %w", err)
	}
	return entries, nil
}
