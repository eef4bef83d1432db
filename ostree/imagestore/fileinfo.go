package imagestore

import (
	"cmp"
	"io/fs"
	"time"

	"github.com/syscontainer/syscontainer/ostree"
)

// Owner is what a [fs.FileInfo] of [Store.Files] returns from Sys.
type Owner struct {
	UID, GID uint32
	Xattrs   []ostree.Xattr
}

// Owner returns whose the file is.
func (o Owner) Owner() (uid, gid int) { return int(o.UID), int(o.GID) }

// info implements fs.FileInfo and fs.DirEntry.
type info struct {
	name   string
	size   int64
	mode   fs.FileMode
	owner  Owner
	target string
}

func (i *info) Name() string               { return i.name }
func (i *info) Size() int64                { return i.size }
func (i *info) Mode() fs.FileMode          { return i.mode }
func (i *info) ModTime() time.Time         { return time.Time{} }
func (i *info) IsDir() bool                { return i.mode.IsDir() }
func (i *info) Sys() any                   { return i.owner }
func (i *info) Type() fs.FileMode          { return i.mode.Type() }
func (i *info) Info() (fs.FileInfo, error) { return i, nil }

func newInfo(name string, m ostree.Meta) *info {
	i := &info{name: name, mode: fs.FileMode(m.Mode & 0o777), owner: Owner{UID: m.UID, GID: m.GID, Xattrs: m.Xattrs}}
	switch m.Mode & ostree.TypeMask {
	case ostree.TypeDir:
		i.mode |= fs.ModeDir
	case ostree.TypeLink:
		i.mode |= fs.ModeSymlink
	}
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m.Mode&bit != 0 {
			i.mode |= flag
		}
	}
	return i
}

// fileInfo is what a file or symlink is.
func fileInfo(it item, file *ostree.File) *info {
	i := newInfo(it.name, file.Meta)
	i.size, i.target = file.Size, cmp.Or(it.target, file.Target)
	if i.mode&fs.ModeSymlink != 0 {
		i.size = int64(len(i.target))
	}
	return i
}
