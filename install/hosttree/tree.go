// Package hosttree is the host's file tree, the running one or one below
// --root. Every path it takes is a path as the host itself will see it, such as
// /etc/systemd/system; this package alone decides where that is on disk, so
// that nothing outside the root is ever touched. Changes are atomic and
// durable: what a reader or a power cut finds is the old entry or the new one.
//
// It knows files, not containers: who owns a file is decided in install.
package hosttree

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// Tree is a host's file tree. It holds no open files and needs no closing.
type Tree struct {
	root string
}

// Open returns the tree below root, which must be an existing directory;
// "" and "/" are the running host's own.
func Open(root string) (*Tree, error) {
	abs, err := filepath.Abs(cmp.Or(root, "/"))
	if err != nil {
		return nil, fmt.Errorf("resolving the root %q: %w", root, err)
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, fmt.Errorf("opening the root: %w", err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("opening the root: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the root: %s is not a directory", abs)
	}
	return &Tree{root: abs}, nil
}

// Root returns the directory on disk that is the host's "/".
func (t *Tree) Root() string { return t.root }

// IsHost reports whether the tree is the whole file system of this process,
// and not a directory that was given by --root.
func (t *Tree) IsHost() bool { return t.root == "/" }

// Path returns where the host's path p is on disk. Symbolic links in the
// directories above p are followed as the host would follow them, never out of
// the root; p itself is not followed, and need not exist.
func (t *Tree) Path(p string) (string, error) {
	p = filepath.Clean("/" + p)
	if p == "/" {
		return t.root, nil
	}
	dir, err := securejoin.SecureJoin(t.root, filepath.Dir(p))
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", p, err)
	}
	return filepath.Join(dir, filepath.Base(p)), nil
}

// Follow returns where the host's path p is on disk when p itself is followed
// as well, as the host would follow it.
func (t *Tree) Follow(p string) (string, error) {
	disk, err := securejoin.SecureJoin(t.root, p)
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", p, err)
	}
	return disk, nil
}

// look is Path for what is only read. In the host's own tree the kernel follows links as
// the host does, and nothing is outside.
func (t *Tree) look(p string) (string, error) {
	if t.IsHost() {
		return hostPath(p), nil
	}
	return t.Path(p)
}

// hostPath is p where the tree is the host's own.
func hostPath(p string) string { return filepath.Clean("/" + p) }

// Lstat describes the entry at p without following it.
func (t *Tree) Lstat(p string) (fs.FileInfo, error) {
	disk, err := t.look(p)
	if err != nil {
		return nil, err
	}
	return os.Lstat(disk)
}

// Stat describes what p leads to.
func (t *Tree) Stat(p string) (fs.FileInfo, error) {
	if t.IsHost() {
		return os.Stat(hostPath(p))
	}
	disk, err := t.Follow(p)
	if err != nil {
		return nil, err
	}
	return os.Lstat(disk)
}

// Readlink returns the target of the symbolic link at p.
func (t *Tree) Readlink(p string) (string, error) {
	disk, err := t.look(p)
	if err != nil {
		return "", err
	}
	return os.Readlink(disk)
}

// ReadDir lists the directory that p leads to, sorted by name; a directory that
// does not exist is an empty one.
func (t *Tree) ReadDir(p string) ([]fs.DirEntry, error) {
	disk := hostPath(p)
	if !t.IsHost() {
		var err error
		if disk, err = t.Follow(p); err != nil {
			return nil, err
		}
	}
	entries, err := os.ReadDir(disk)
	if errors.Is(err, fs.ErrNotExist) {
		return []fs.DirEntry{}, nil
	}
	return entries, err
}
