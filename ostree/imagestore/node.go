package imagestore

import (
	"maps"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

// node is a directory, file or symlink of a tree in memory.
type node struct {
	dir      bool
	children map[string]*node // of a directory
	sum      ostree.Checksum  // content of a file, metadata of a directory

	// described tells that a layer has an entry for its root; only kept there.
	described bool
	// layer is the last layer that touched the node or anything below it.
	layer int

	// What a file points to, if it is a symlink. Known tells that somebody
	// looked; a tree that was read from the repo does not say.
	known, link bool
	target      string
}

func newDir(meta ostree.Checksum, layer int) *node {
	return &node{dir: true, children: make(map[string]*node), sum: meta, layer: layer}
}

func newFile(e entry, layer int) *node {
	known := e.Link || e.Target != ""
	return &node{sum: e.Sum, layer: layer, known: known, link: e.Link, target: e.Target}
}

// tree converts the node, which must be a directory, to what the repo stores.
func (n *node) tree() *ostree.Tree {
	t := ostree.NewTree(n.sum)
	for name, child := range n.children {
		if child.dir {
			t.Dirs[name] = child.tree()
		} else {
			t.Files[name] = child.sum
		}
	}
	return t
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
func layerTree(entries []entry, rootMeta ostree.Checksum) (root *node, ok bool) {
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

// put adds an entry to the tree of its own layer; false when the layer is not
// orderly.
func (n *node) put(e entry) bool {
	if e.Kind == kindOpaque {
		dir := n.find(e.Path)
		if dir == nil || !dir.dir {
			return false
		}
		dir.children[opaqueMarker] = newFile(e, 0)
		return true
	}
	if e.Path == "" {
		return e.Kind == kindDir
	}
	dirPath, name := splitPath(e.Path)
	parent := n.find(dirPath)
	if parent == nil || !parent.dir {
		return false
	}
	old, marker := parent.children[name], whiteoutPrefix+name
	switch e.Kind {
	case kindWhiteout, kindSkipped:
		parent.children[marker] = newFile(e, 0)
		return old == nil && len(marker) <= 255
	case kindDir:
		return parent.putDir(name, e) && parent.children[marker] == nil
	case kindHardLink:
		source := n.find(e.Target)
		if source == nil || source.dir {
			return false
		}
		e.Sum, e.Target, e.Link = source.sum, source.target, source.link
	}
	parent.children[name] = newFile(e, 0)
	return (old == nil || !old.dir) && parent.children[marker] == nil
}

func (n *node) putDir(name string, e entry) bool {
	old := n.children[name]
	if old == nil {
		n.children[name] = newDir(e.Sum, 0)
		return true
	}
	old.sum = e.Sum
	return old.dir
}

// find looks a clean path up, literally.
func (n *node) find(path string) *node {
	for path != "" && n != nil {
		var name string
		name, path, _ = strings.Cut(path, "/")
		n = n.children[name]
	}
	return n
}

func splitPath(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// treeEntries is the inverse of layerTree, on what the repo stored. The root is
// described only if it was then.
func treeEntries(root *ostree.Tree, rootDescribed bool) []entry {
	var entries []entry
	if rootDescribed {
		entries = append(entries, entry{Kind: kindDir, Sum: root.Meta})
	}
	return appendTree(entries, "", root)
}

func appendTree(entries []entry, prefix string, t *ostree.Tree) []entry {
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		e := entry{Path: prefix + name, Kind: kindFile, Sum: t.Files[name]}
		if name == opaqueMarker {
			e.Path, e.Kind = strings.TrimSuffix(prefix, "/"), kindOpaque
		} else if removed, ok := strings.CutPrefix(name, whiteoutPrefix); ok {
			e.Path, e.Kind = prefix+removed, kindWhiteout
		}
		entries = append(entries, e)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Dirs)) {
		dir := t.Dirs[name]
		entries = append(entries, entry{Path: prefix + name, Kind: kindDir, Sum: dir.Meta})
		entries = appendTree(entries, prefix+name+"/", dir)
	}
	return entries
}
