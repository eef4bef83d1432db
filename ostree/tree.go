package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Tree is a directory in memory. It is plain data: nothing is read or written
// through it.
//
// Names and targets are the true ones, whatever bytes they consist of. How the
// repo keeps those that are not UTF-8 is its own affair: who reads trees and
// checkouts never sees it.
type Tree struct {
	// Meta names the directory's metadata object (see [Txn.WriteDirMeta]).
	Meta Checksum
	// Files holds the content objects by name; Dirs the directories below.
	Files map[string]Checksum
	Dirs  map[string]*Tree
	// Targets holds, by name, the targets of those symlinks in Files whose target
	// is not UTF-8. Their objects have a stand-in for it: [Repo.LoadFile] shows that.
	Targets map[string]string
	// Unread names the content object of a directory of the repo that stays as it
	// is and that nobody needed to read: the others, but for Meta, tell nothing
	// then. See [Repo.ReadDir].
	Unread Checksum
}

// Root is the tree of a commit to be, as [Txn.WriteTree] has written it.
type Root struct {
	content, meta Checksum
	names         []byte // what the objects cannot say, see names.go
}

// NewTree returns an empty directory.
func NewTree(meta Checksum) *Tree {
	return &Tree{Meta: meta, Files: make(map[string]Checksum), Dirs: make(map[string]*Tree)}
}

// SetTarget tells the target of a symlink in Files. It keeps it in Targets if it
// is one that belongs there.
func (t *Tree) SetTarget(name, target string) {
	if targetStandIn(target) == target {
		return
	}
	if t.Targets == nil {
		t.Targets = make(map[string]string)
	}
	t.Targets[name] = target
}

// CheckName tells why a repo cannot hold a name in a directory, or nil.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("the name %q cannot stand in a directory", name)
	case len(name) > 255:
		return fmt.Errorf("the name %.20q… is %d bytes long, 255 are possible", name, len(name))
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
	root, list, err := r.readRoot(commit)
	if err != nil {
		return nil, err
	}
	return r.readTree(ctx, root, list)
}

// UnreadTree is the tree of a commit, of which nothing was read. One with odd
// names is read as a whole.
func (r *Repo) UnreadTree(ctx context.Context, commit Checksum) (*Tree, error) {
	root, list, err := r.readRoot(commit)
	if err != nil {
		return nil, err
	}
	if list != nil {
		return r.readTree(ctx, root, list)
	}
	return &Tree{Meta: root.meta, Unread: root.content}, nil
}

// ReadDir reads an unread directory, and leaves those below it unread.
func (r *Repo) ReadDir(unread *Tree) (*Tree, error) {
	object, err := r.loadTree(unread.Unread)
	if err != nil {
		return nil, err
	}
	tree := NewTree(unread.Meta)
	for _, f := range object.files {
		tree.Files[f.name] = f.sum
	}
	for _, d := range object.dirs {
		tree.Dirs[d.name] = &Tree{Meta: d.meta, Unread: d.content}
	}
	return tree, nil
}

// readRoot reads what a commit says about its tree.
func (r *Repo) readRoot(commit Checksum) (root dirName, list *names, err error) {
	c, err := r.LoadCommit(commit, keyNames)
	if err != nil {
		return root, nil, err
	}
	if list, err = parseNames(c.Value(keyNames)); err != nil {
		return root, nil, wrap(fmt.Sprintf("reading commit %s", commit), err)
	}
	return dirName{content: c.root, meta: c.rootMeta}, list, nil
}

func (r *Repo) readTree(ctx context.Context, d dirName, list *names) (*Tree, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	object, err := r.loadTree(d.content)
	if err != nil {
		return nil, err
	}
	if err := list.check(object); err != nil {
		return nil, wrap(fmt.Sprintf("reading tree %s", d.content), err)
	}
	tree := NewTree(d.meta)
	for _, f := range object.files {
		name, target := list.file(f.name)
		tree.Files[name] = f.sum
		tree.SetTarget(name, target)
	}
	for _, sub := range object.dirs {
		name, below := list.dir(sub.name)
		if tree.Dirs[name], err = r.readTree(ctx, sub, below); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// loadTree reads a directory's object.
func (r *Repo) loadTree(content Checksum) (treeObject, error) {
	data, err := r.loadMetadata(C.OSTREE_OBJECT_TYPE_DIR_TREE, content)
	if err != nil {
		return treeObject{}, err
	}
	object, err := parseTree(data)
	if err != nil {
		return object, wrap(fmt.Sprintf("reading tree %s", content), err)
	}
	return object, nil
}

// WriteTree writes every directory of a tree and returns what a commit needs of
// it. The files and metadata objects that it names must be in the repo or in the
// transaction; so must what is unread.
func (t *Txn) WriteTree(tree *Tree) (Root, error) {
	root := Root{meta: tree.Meta}
	var err error
	root.content, root.names, err = t.writeTree(tree)
	return root, err
}

// writeTree writes a directory and all below it. What the objects cannot say
// about names comes as a list, mostly empty.
func (t *Txn) writeTree(tree *Tree) (content Checksum, list []byte, err error) {
	if tree.Unread != (Checksum{}) {
		return tree.Unread, nil, nil
	}
	var object treeObject
	for _, name := range slices.Sorted(maps.Keys(tree.Files)) {
		if err := CheckName(name); err != nil {
			return Checksum{}, nil, err
		}
		object.files = append(object.files, fileName{name: standIn(name), sum: tree.Files[name]})
	}
	list = tree.appendNames(nil)
	for _, name := range slices.Sorted(maps.Keys(tree.Dirs)) {
		if err := CheckName(name); err != nil {
			return Checksum{}, nil, err
		}
		dir := tree.Dirs[name]
		content, below, err := t.writeTree(dir)
		if err != nil {
			return Checksum{}, nil, err
		}
		list = appendDirNames(list, name, below)
		object.dirs = append(object.dirs, dirName{name: standIn(name), content: content, meta: dir.Meta})
	}
	if len(list) > 0 {
		object.sort() // stand-ins are elsewhere in the order
	}
	content, err = t.writeMetadata(kindTree, object.encode())
	return content, list, err
}

// WriteDirMeta writes a directory's metadata object. Writing the same once more
// costs nothing.
func (t *Txn) WriteDirMeta(m Meta) (Checksum, error) {
	return t.writeMetadata(kindDirMeta, dirMeta(m))
}
