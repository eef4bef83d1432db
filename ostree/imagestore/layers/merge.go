package layers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

// maxLinks is how many symlinks a path may pass, as in the kernel.
const maxLinks = 40

// Merger lays layers over each other, in memory.
//
// A path of a layer is resolved as an unpacker in a chroot would do it: a
// symlink on the way is followed, its target taken from the image's root and
// never from above it. The last component is never followed.
type Merger struct {
	root  *node
	meta  ostree.Checksum // of a directory that no layer describes
	layer int

	// readlink tells what a file of a stored layer is.
	readlink func(ostree.Checksum) (target string, link bool, err error)
	// readDir reads a directory of what Begin was given.
	readDir func(*ostree.Tree) (*ostree.Tree, error)
}

// NewMerger returns an empty tree to lay layers on. DirMeta is the metadata of
// directories that no layer describes.
func NewMerger(dirMeta ostree.Checksum, readlink func(ostree.Checksum) (string, bool, error)) *Merger {
	return &Merger{root: newDir(dirMeta, 0), meta: dirMeta, readlink: readlink}
}

// Begin puts what other layers were merged to below the first layer. Of what is
// unread in it only what layers touch is read. What Merger makes of the layers on top is the
// same as if those below had been applied, too.
func (m *Merger) Begin(base *ostree.Tree, readDir func(*ostree.Tree) (*ostree.Tree, error)) {
	m.root, m.readDir = &node{dir: true, sum: base.Meta, unread: base}, readDir
}

// open makes the children of a directory known.
func (m *Merger) open(n *node) error {
	if n.unread == nil {
		return nil
	}
	t := n.unread
	if t.Unread != (ostree.Checksum{}) {
		var err error
		if t, err = m.readDir(t); err != nil {
			return err
		}
	}
	n.unread, n.children = nil, make(map[string]*node, len(t.Files)+len(t.Dirs))
	for name, sum := range t.Files {
		n.children[name] = &node{sum: sum}
	}
	for name, target := range t.Targets {
		n.children[name] = &node{sum: t.Files[name], known: true, link: true, target: target}
	}
	for name, dir := range t.Dirs {
		n.children[name] = &node{dir: true, sum: dir.Meta, unread: dir}
	}
	return nil
}

// Tree is the result so far.
func (m *Merger) Tree() *ostree.Tree { return m.root.tree() }

// Apply lays one more layer on top.
func (m *Merger) Apply(entries []Entry) error {
	m.layer++
	for _, e := range entries {
		if err := m.step(e); err != nil {
			return broken("layer %d: entry %.300q: %w", m.layer, e.Path, err)
		}
	}
	return nil
}

func (m *Merger) step(e Entry) error {
	switch e.Kind {
	case kindOpaque:
		return m.opaque(e)
	case kindWhiteout:
		return m.whiteout(e)
	}
	if e.Path == "" {
		return m.describeRoot(e)
	}
	dirPath, name := splitPath(e.Path)
	parent, err := m.makeDirs(dirPath)
	if err != nil {
		return err
	}
	old := parent.children[name]
	switch e.Kind {
	case kindDir:
		if old == nil || !old.dir {
			parent.children[name] = newDir(e.Sum, m.layer)
			return nil
		}
		old.sum, old.layer = e.Sum, m.layer
	case kindFile:
		parent.children[name] = newFile(e, m.layer)
	case kindHardLink:
		return m.hardLink(e, parent, name)
	case kindSkipped:
		delete(parent.children, name)
	default:
		return fmt.Errorf("unknown kind of entry %q", e.Kind)
	}
	return nil
}

func (m *Merger) describeRoot(e Entry) error {
	if e.Kind != kindDir {
		return errors.New("a file cannot be the root")
	}
	m.root.sum, m.root.layer = e.Sum, m.layer
	return nil
}

func (m *Merger) hardLink(e Entry, parent *node, name string) error {
	delete(parent.children, name) // first, as unpackers do: no link to what it replaces
	dirPath, base := splitPath(e.Target)
	dir, err := m.lookup(dirPath)
	if err != nil {
		return err
	}
	var source *node
	if dir != nil {
		source = dir.children[base]
	}
	if source == nil || source.dir {
		return fmt.Errorf("hard link to %q, which is no file", e.Target)
	}
	same := *source
	same.layer = m.layer
	parent.children[name] = &same
	return nil
}

// whiteout removes what lower layers put at a path. What this layer put there
// or below stays, whether before or after the whiteout in the stream.
func (m *Merger) whiteout(e Entry) error {
	dirPath, name := splitPath(e.Path)
	dir, err := m.lookup(dirPath)
	if err != nil || dir == nil {
		return err
	}
	return m.remove(dir, name)
}

func (m *Merger) opaque(e Entry) error {
	dir, err := m.lookup(e.Path)
	if err != nil || dir == nil {
		return err
	}
	return m.clear(dir)
}

// clear removes from an open directory what lower layers put there.
func (m *Merger) clear(dir *node) error {
	for name := range dir.children {
		if err := m.remove(dir, name); err != nil {
			return err
		}
	}
	return nil
}

func (m *Merger) remove(dir *node, name string) error {
	n := dir.children[name]
	switch {
	case n == nil:
		return nil
	case n.layer != m.layer:
		delete(dir.children, name)
		return nil
	}
	if err := m.open(n); err != nil {
		return err
	}
	return m.clear(n)
}

// place is a directory's path without symlinks, and the nodes along it: nil
// from where nothing exists yet.
type place struct {
	names []string
	nodes []*node // nodes[i] is the parent of names[i]; one more than names
}

func (p *place) up() {
	if len(p.names) > 0 {
		p.names, p.nodes = p.names[:len(p.names)-1], p.nodes[:len(p.nodes)-1]
	}
}

func (p *place) top() *node { return p.nodes[len(p.nodes)-1] }

func (p *place) down(name string, n *node) {
	p.names, p.nodes = append(p.names, name), append(p.nodes, n)
}

// resolve follows the symlinks of a directory's path.
func (m *Merger) resolve(path string) (*place, error) {
	p := &place{nodes: []*node{m.root}}
	links := 0
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			p.up()
			continue
		}
		next, err := m.child(p.top(), name)
		if err != nil {
			return nil, err
		}
		if next == nil || !next.link {
			p.down(name, next)
			continue
		}
		if links++; links > maxLinks {
			return nil, errors.New("too many symlinks in the path")
		}
		if strings.HasPrefix(next.target, "/") {
			p = &place{nodes: p.nodes[:1]}
		}
		path = next.target + "/" + path
	}
	return p, nil
}

// child is what stands under a name, with its symlink target known.
func (m *Merger) child(dir *node, name string) (*node, error) {
	if dir == nil || !dir.dir {
		return nil, nil
	}
	if err := m.open(dir); err != nil {
		return nil, err
	}
	n := dir.children[name]
	if n != nil && !n.dir && !n.known {
		var err error
		if n.target, n.link, err = m.readlink(n.sum); err != nil {
			return nil, err
		}
		n.known = true
	}
	return n, nil
}

// lookup is the directory at path, open; nil when there is none.
func (m *Merger) lookup(path string) (*node, error) {
	p, err := m.resolve(path)
	if err != nil {
		return nil, err
	}
	if n := p.top(); n != nil && n.dir {
		return n, m.open(n)
	}
	return nil, nil
}

// makeDirs is the directory at path, open. It makes what is missing, and marks
// the way to it as touched by this layer.
func (m *Merger) makeDirs(path string) (*node, error) {
	p, err := m.resolve(path)
	if err != nil {
		return nil, err
	}
	at := m.root
	at.layer = m.layer
	for i, name := range p.names {
		next := p.nodes[i+1]
		if next == nil {
			if len(p.names) > maxDepth {
				return nil, errors.New("the path is nested too deeply")
			}
			if err := ostree.CheckName(name); err != nil { // it may come from a symlink
				return nil, err
			}
			next = newDir(m.meta, m.layer)
			at.children[name] = next
		}
		if !next.dir {
			return nil, fmt.Errorf("%q is a file, not a directory", strings.Join(p.names[:i+1], "/"))
		}
		next.layer = m.layer
		at = next
	}
	return at, m.open(at)
}
