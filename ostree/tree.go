package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Tree is a directory in memory. It is plain data: nothing is read or written
// through it.
type Tree struct {
	// Meta names the directory's metadata object (see [Txn.WriteDirMeta]).
	Meta Checksum
	// Files holds the content objects by name; Dirs the directories below.
	Files map[string]Checksum
	Dirs  map[string]*Tree
}

// NewTree returns an empty directory.
func NewTree(meta Checksum) *Tree {
	return &Tree{Meta: meta, Files: make(map[string]Checksum), Dirs: make(map[string]*Tree)}
}

// CheckName tells why a repo cannot hold a name in a directory, or nil.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("the name %q cannot stand in a directory", name)
	case len(name) > 255:
		return fmt.Errorf("the name %.20q… is %d bytes long, 255 are possible", name, len(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8", name)
	}
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return fmt.Errorf("the name %q cannot stand in a directory", name)
		}
	}
	return nil
}

// ReadTree reads the whole tree of a commit.
func (r *Repo) ReadTree(ctx context.Context, commit Checksum) (*Tree, error) {
	c, err := r.LoadCommit(commit)
	if err != nil {
		return nil, err
	}
	return r.readTree(ctx, c.root, c.rootMeta)
}

func (r *Repo) readTree(ctx context.Context, content, meta Checksum) (*Tree, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := r.loadMetadata(C.OSTREE_OBJECT_TYPE_DIR_TREE, content)
	if err != nil {
		return nil, err
	}
	object, err := parseTree(data)
	if err != nil {
		return nil, wrap(fmt.Sprintf("reading tree %s", content), err)
	}
	tree := NewTree(meta)
	for _, f := range object.files {
		tree.Files[f.name] = f.sum
	}
	for _, d := range object.dirs {
		if tree.Dirs[d.name], err = r.readTree(ctx, d.content, d.meta); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// WriteTree writes every directory of a tree and returns the checksum of its
// content object. The files and metadata objects that it names must be in the
// repo or in the transaction.
func (t *Txn) WriteTree(tree *Tree) (Checksum, error) {
	var object treeObject
	for _, name := range slices.Sorted(maps.Keys(tree.Files)) {
		if err := CheckName(name); err != nil {
			return Checksum{}, err
		}
		object.files = append(object.files, fileName{name: name, sum: tree.Files[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(tree.Dirs)) {
		if err := CheckName(name); err != nil {
			return Checksum{}, err
		}
		dir := tree.Dirs[name]
		content, err := t.WriteTree(dir)
		if err != nil {
			return Checksum{}, err
		}
		object.dirs = append(object.dirs, dirName{name: name, content: content, meta: dir.Meta})
	}
	return t.writeMetadata(C.OSTREE_OBJECT_TYPE_DIR_TREE, object.encode())
}

// WriteDirMeta writes a directory's metadata object. Writing the same once more
// costs nothing.
func (t *Txn) WriteDirMeta(m Meta) (Checksum, error) {
	return t.writeMetadata(C.OSTREE_OBJECT_TYPE_DIR_META, dirMeta(m))
}

func (t *Txn) writeMetadata(kind C.OstreeObjectType, data []byte) (Checksum, error) {
	sum := Checksum(sha256.Sum256(data))
	if _, written := t.metadata.Load(sum); written {
		return sum, nil
	}
	if err := t.enter(); err != nil {
		return Checksum{}, err
	}
	defer t.leave()
	hex := sum.hex()
	var gerr *C.GError
	if C.sysc_write_metadata(t.repo.c, kind, hex.c(), pointer(data), C.gsize(len(data)), t.cancel, &gerr) == 0 {
		return Checksum{}, wrap("writing metadata", failure(gerr))
	}
	t.metadata.Store(sum, struct{}{})
	return sum, nil
}
