package install

import (
	"errors"
	"io/fs"
	"path"
	"syscall"

	"github.com/syscontainer/syscontainer/install/hosttree"
)

// fileState is how an entry of the host compares with a record of it.
type fileState int

const (
	absent fileState = iota
	asRecorded
	different
)

// compare looks at the host's entry for f.
func (in *Installer) compare(f HostFile) (fileState, error) {
	info, err := in.Tree.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return absent, nil
	}
	if err != nil {
		return absent, err
	}
	same := false
	switch f.Kind {
	case Directory:
		target, err := in.Tree.Stat(f.Path)
		same = err == nil && target.IsDir()
	case Symlink:
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := in.Tree.Readlink(f.Path)
			if err != nil {
				return absent, err
			}
			same = target == f.Target
		}
	case File:
		if info.Mode().IsRegular() && modeOf(info.Mode()) == f.Mode {
			sum, err := in.Tree.SHA256(f.Path)
			if err != nil {
				return absent, err
			}
			same = sum == f.SHA256
		}
	}
	if same {
		return asRecorded, nil
	}
	return different, nil
}

// is reports whether the host's entry is as f says.
func (in *Installer) is(f HostFile) bool {
	if f.Path == "" {
		return false
	}
	state, err := in.compare(f)
	return err == nil && state == asRecorded
}

// place makes the host's entry what f says, atomically.
func (in *Installer) place(r *Record, f HostFile) error {
	meta := hosttree.Meta{Mode: f.Mode.FileMode(), UID: f.UID, GID: f.GID}
	switch f.Kind {
	case Directory:
		return in.Tree.Mkdir(f.Path, meta)
	case Symlink:
		return in.Tree.Symlink(f.Target, f.Path, f.UID, f.GID)
	}
	source, err := in.Tree.Path(path.Join(in.Paths.Deployment(r.Name, r.Deployment), f.Source))
	if err != nil {
		return err
	}
	if f.Linkable {
		if err := in.Tree.LinkIn(source, f.Path); !cannotLink(err) {
			return err
		}
	}
	return in.Tree.CopyIn(source, f.Path, meta)
}

// cannotLink reports whether a hard link failed for a reason that a copy has not:
// another file system, one without links, or too many of them.
func cannotLink(err error) bool {
	return errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
