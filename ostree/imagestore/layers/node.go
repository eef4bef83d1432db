package layers

import (
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

// node is a directory, file or symlink of a tree in memory.
type node struct {
	dir      bool
	children map[string]*node // of a directory
	unread   *ostree.Tree     // of a directory whose children nobody needed yet; see Merger.open
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

func newFile(e Entry, layer int) *node {
	return &node{sum: e.Sum, layer: layer, known: !e.Unknown, link: e.Link, target: e.Target}
}

// tree converts the node, which must be a directory, to what the repo stores.
func (n *node) tree() *ostree.Tree {
	if n.unread != nil {
		same := *n.unread
		same.Meta = n.sum
		return &same
	}
	t := ostree.NewTree(n.sum)
	for name, child := range n.children {
		if child.dir {
			t.Dirs[name] = child.tree()
		} else {
			t.Files[name] = child.sum
			if child.link {
				t.SetTarget(name, child.target)
			}
		}
	}
	return t
}

// put adds an entry to the tree of its own layer; false when the layer is not
// orderly.
func (n *node) put(e Entry) bool {
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
		if source == nil || source.dir || old == source {
			return false
		}
		e.Sum, e.Target, e.Link = source.sum, source.target, source.link
	}
	parent.children[name] = newFile(e, 0)
	return (old == nil || !old.dir) && parent.children[marker] == nil
}

func (n *node) putDir(name string, e Entry) bool {
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
