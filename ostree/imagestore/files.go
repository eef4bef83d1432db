package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

// Files is a view of a merged image: an [fs.ReadLinkFS], [fs.StatFS],
// [fs.ReadFileFS] and [fs.ReadDirFS]. Symlinks are followed within the image,
// as in a chroot. Names need not be UTF-8, unlike io/fs wants it. It has the repo
// open until it is closed; files that were opened from it stay open.
type Files struct {
	tree *ostree.Tree
	repo *ostree.Repo
	// loadFile opens a content object.
	loadFile func(ostree.Checksum) (*ostree.File, error)
}

// Files returns the view of a commit, for the caller to close. ctx bounds the
// reading of the tree only: io/fs knows no contexts.
func (s *Store) Files(ctx context.Context, commit string) (*Files, error) {
	sum, err := ostree.ParseChecksum(commit)
	if err != nil {
		return nil, err
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return nil, err
	}
	tree, err := repo.ReadTree(ctx, sum)
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", commit, errors.Join(err, repo.Close()))
	}
	ctx = context.WithoutCancel(ctx)
	load := func(sum ostree.Checksum) (*ostree.File, error) { return repo.LoadFile(ctx, sum) }
	return &Files{tree: tree, repo: repo, loadFile: load}, nil
}

// Close ends the view.
func (f *Files) Close() error { return f.repo.Close() }

// item is what stands at a path: a directory, or a file or symlink.
type item struct {
	name   string
	tree   *ostree.Tree
	sum    ostree.Checksum
	target string // of a symlink whose object has a stand-in for it
}

// maxLinks is how many symlinks a path may pass, as in the kernel.
const maxLinks = 40

// stat reads what an item is.
func (f *Files) stat(it item) (*info, error) {
	if it.tree != nil {
		m, err := f.repo.LoadDirMeta(it.tree.Meta)
		return newInfo(it.name, m), err
	}
	file, err := f.loadFile(it.sum)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return fileInfo(it, file), nil
}

// walk finds what stands at a path. Symlinks on the way are followed within the
// image; one at its end too, if follow says so.
func (f *Files) walk(name string, last linkMode) (item, error) {
	if !validPath(name) {
		return item{}, fs.ErrInvalid
	}
	way := []item{{name: ".", tree: f.tree}}
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			way = way[:max(1, len(way)-1)]
			continue
		}
		next, err := way[len(way)-1].child(part)
		if err != nil {
			return item{}, err
		}
		if next.tree == nil && (len(todo) > 0 || last == followLast) {
			target, err := f.target(next)
			if err != nil {
				return item{}, err
			}
			if target != "" {
				if links++; links > maxLinks {
					return item{}, errors.New("too many symlinks")
				}
				if strings.HasPrefix(target, "/") {
					way = way[:1]
				}
				todo = append(strings.Split(target, "/"), todo...)
				continue
			}
		}
		way = append(way, next)
	}
	found := way[len(way)-1]
	found.name = path.Base(name)
	return found, nil
}

// validPath is [fs.ValidPath] without the demand for UTF-8.
func validPath(name string) bool {
	return fs.ValidPath(strings.ToValidUTF8(name, "?"))
}

// linkMode says what to do about a symlink at the end of a path.
type linkMode int

const (
	followLast linkMode = iota
	keepLast
)

func (it item) child(name string) (item, error) {
	if it.tree == nil {
		return item{}, fs.ErrNotExist
	}
	if dir, ok := it.tree.Dirs[name]; ok {
		return item{name: name, tree: dir}, nil
	}
	if sum, ok := it.tree.Files[name]; ok {
		return item{name: name, sum: sum, target: it.tree.Targets[name]}, nil
	}
	return item{}, fs.ErrNotExist
}

// target is where a symlink points; "" for a regular file.
func (f *Files) target(it item) (string, error) {
	i, err := f.stat(it)
	if err != nil {
		return "", err
	}
	return i.target, nil
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Stat implements fs.StatFS.
func (f *Files) Stat(name string) (fs.FileInfo, error) { return f.statPath("stat", name, followLast) }

// Lstat implements fs.ReadLinkFS.
func (f *Files) Lstat(name string) (fs.FileInfo, error) { return f.statPath("lstat", name, keepLast) }

func (f *Files) statPath(op, name string, last linkMode) (fs.FileInfo, error) {
	it, err := f.walk(name, last)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	i, err := f.stat(it)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return i, nil
}

// ReadLink implements fs.ReadLinkFS.
func (f *Files) ReadLink(name string) (string, error) {
	it, err := f.walk(name, keepLast)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	i, err := f.stat(it)
	if err == nil && i.mode&fs.ModeSymlink == 0 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return i.target, nil
}

// ReadDir implements fs.ReadDirFS.
func (f *Files) ReadDir(name string) ([]fs.DirEntry, error) {
	it, err := f.walk(name, followLast)
	if err == nil && it.tree == nil {
		err = errors.New("not a directory")
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list, err := f.list(it.tree)
	return list, pathError("readdir", name, err)
}

func (f *Files) list(tree *ostree.Tree) ([]fs.DirEntry, error) {
	names := slices.Concat(slices.Collect(maps.Keys(tree.Files)), slices.Collect(maps.Keys(tree.Dirs)))
	slices.Sort(names)
	var list []fs.DirEntry
	for _, name := range names {
		it, err := item{tree: tree}.child(name)
		if err != nil {
			return nil, err
		}
		i, err := f.stat(it)
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	return list, nil
}

// ReadFile implements fs.ReadFileFS.
func (f *Files) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}
