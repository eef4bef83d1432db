// Package hostunits reads the directories of units of a host, the running one or one
// below --root, for package order to make sense of. It never writes.
//
// It knows files, not what is in them. A file that cannot be read is a warning and never
// an error: units of others are not ours to refuse.
package hostunits

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// Tree is how a host's files are looked at: paths are those that the host itself sees,
// and links never lead out of it.
type Tree interface {
	ReadDir(path string) ([]fs.DirEntry, error)
	ReadFile(path string) ([]byte, error)
	Readlink(path string) (string, error)
	Stat(path string) (fs.FileInfo, error)
	Follow(path string) (string, error)
}

// maxSize is what systemd reads of a file at most.
const maxSize = 1 << 20

// Read returns what is in the directories that systemd reads units from, in the order of
// [order.Dirs], and what it could not read.
func Read(tree Tree) ([]order.Dir, []string) {
	r := reader{tree: tree}
	var dirs []order.Dir
	var seen []string
	for _, dir := range order.Dirs() {
		disk, err := tree.Follow(dir)
		if err != nil {
			r.warn(dir, err)
			continue
		}
		if slices.Contains(seen, disk) { // /lib is /usr/lib on most hosts
			continue
		}
		seen = append(seen, disk)
		dirs = append(dirs, r.dir(dir))
	}
	return dirs, r.warnings
}

type reader struct {
	tree     Tree
	warnings []string
}

func (r *reader) warn(file string, err error) {
	r.warnings = append(r.warnings, fmt.Sprintf("reading %s: %v", file, err))
}

func (r *reader) dir(dir string) order.Dir {
	d := order.Dir{Path: dir}
	for _, entry := range r.list(dir) {
		name := entry.Name()
		switch {
		case order.IsUnitDir(name) && entry.Type()&(fs.ModeDir|fs.ModeSymlink) != 0:
			for _, below := range r.list(path.Join(dir, name)) {
				r.add(&d, path.Join(name, below.Name()), below)
			}
		case order.IsUnitFile(name):
			r.add(&d, name, entry)
		}
	}
	return d
}

func (r *reader) list(dir string) []fs.DirEntry {
	entries, err := r.tree.ReadDir(dir)
	if err != nil {
		r.warn(dir, err)
	}
	return entries
}

// add adds one entry with what reading it gives. What a link leads to and is not there
// is nothing for systemd, either. Of the links in x.wants and x.requires only the names count.
func (r *reader) add(d *order.Dir, name string, found fs.DirEntry) {
	file := path.Join(d.Path, name)
	entry := order.Entry{Name: name}
	var err error
	if found.Type() == fs.ModeSymlink {
		if entry.Link, err = r.tree.Readlink(file); err != nil {
			r.warn(file, err)
			return
		}
	}
	if dir := path.Dir(name); (dir == "." || path.Ext(dir) == ".d") && entry.Link != masked {
		entry.Text, err = r.read(file, found)
	}
	switch {
	case err == nil:
		d.Entries = append(d.Entries, entry)
	case !errors.Is(err, fs.ErrNotExist):
		r.warn(file, err)
	}
}

// masked is where a link leads that says that there is no such unit.
const masked = "/dev/null"

func (r *reader) read(file string, found fs.DirEntry) ([]byte, error) {
	info, err := found.Info()
	if found.Type() == fs.ModeSymlink {
		info, err = r.tree.Stat(file)
	}
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // a pipe would keep us waiting
		return nil, errors.New("not a regular file")
	case info.Size() > maxSize:
		return nil, errors.New("larger than a megabyte, which systemd does not read")
	}
	return r.tree.ReadFile(file)
}
