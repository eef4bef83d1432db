// Package drift tells how what is on a host differs from what a deployment's record
// says: the one comparison that show, verify and every change of the host use. It
// reads, and decides nothing.
package drift

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// Place is where something is that should be otherwise.
type Place string

// The places.
const (
	Rootfs     Place = "rootfs"     // the checkout of a deployment
	Deployment Place = "deployment" // what was rendered into it, and its record
	Host       Place = "host"       // what it put onto the host
	Repo       Place = "repo"       // the objects of its image
	Systemd    Place = "systemd"    // what systemd says of its units
)

// Aspect is in what respect something differs.
type Aspect string

// The aspects; package ostree has the same for checkouts.
const (
	Missing Aspect = "missing"
	Extra   Aspect = "extra"
	Type    Aspect = "type"
	Mode    Aspect = "mode"
	Owner   Aspect = "owner"
	Target  Aspect = "target"
	Xattrs  Aspect = "xattrs"
	Content Aspect = "content"
	Object  Aspect = "object"  // it is an object of the repo, which is damaged
	Enabled Aspect = "enabled" // of a unit
	Digest  Aspect = "digest"  // of an image
)

// Difference is one thing that is not as it was recorded.
type Difference struct {
	Place  Place  `json:"place"`
	Path   string `json:"path"` // as the host has it; of a unit, its name
	Aspect Aspect `json:"aspect"`
	Want   string `json:"expected,omitempty"`
	Have   string `json:"found,omitempty"`
	Object string `json:"object,omitempty"` // of the repo, which the entry is or should be
	// Administrator says that it is the administrator's to change it: a host file of
	// the image below /etc, or whether a unit is enabled.
	Administrator bool `json:"administrator"`
}

// Tree is how the host's files are looked at.
type Tree interface {
	Lstat(path string) (fs.FileInfo, error)
	Stat(path string) (fs.FileInfo, error)
	Readlink(path string) (string, error)
	SHA256(path string, most int64) (string, error)
}

// Entry compares the host's entry at f.Path with f. Of a directory only that it is
// one counts: its owner and mode are the host's affair, and others use it as well.
func Entry(tree Tree, f deployment.HostFile) ([]Difference, error) {
	e := entry{HostFile: f, tree: tree}
	info, err := tree.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		e.differs(Missing, string(f.Kind), "")
		return e.found, nil
	case err != nil:
		return nil, err
	case f.Kind == deployment.Directory:
		target, err := tree.Stat(f.Path)
		if err != nil || !target.IsDir() {
			e.differs(Type, string(f.Kind), kind(info.Mode()))
		}
		return e.found, nil
	case kind(info.Mode()) != string(f.Kind):
		e.differs(Type, string(f.Kind), kind(info.Mode()))
		return e.found, nil
	case f.Kind == deployment.Symlink:
		err = e.symlink()
	default:
		err = e.file(info)
	}
	return e.found, err
}

// entry is a host file while it is looked at.
type entry struct {
	deployment.HostFile
	tree  Tree
	found []Difference
}

func (e *entry) differs(aspect Aspect, want, have string) {
	if want == have {
		return
	}
	e.found = append(e.found, Difference{
		Place: Host, Path: e.Path, Aspect: aspect, Want: want, Have: have,
		Administrator: aspect != Missing && e.isConfiguration(),
	})
}

// isConfiguration reports whether the file is one that an administrator may change:
// the image's, and not one that we made for systemd.
func (e *entry) isConfiguration() bool {
	return e.OfImage() && strings.HasPrefix(path.Clean(e.Path), "/etc/")
}

func (e *entry) symlink() error {
	target, err := e.tree.Readlink(e.Path)
	if err == nil {
		e.differs(Target, e.HostFile.Target, target)
	}
	return err
}

func (e *entry) file(info fs.FileInfo) error {
	e.differs(Mode, octal(e.HostFile.Mode), octal(deployment.ModeOf(info.Mode())))
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		e.differs(Owner, fmt.Sprintf("%d:%d", e.UID, e.GID), fmt.Sprintf("%d:%d", stat.Uid, stat.Gid))
	}
	if e.HostFile.SHA256 == "" { // nothing is known of its content
		return nil
	}
	if info.Size() > deployment.MaxHostFile { // none of ours
		e.differs(Content, "sha256:"+e.HostFile.SHA256, fmt.Sprintf("%d bytes", info.Size()))
		return nil
	}
	sum, err := e.tree.SHA256(e.Path, deployment.MaxHostFile)
	if err == nil {
		e.differs(Content, "sha256:"+e.HostFile.SHA256, "sha256:"+sum)
	}
	return err
}

func octal(m deployment.Mode) string { return fmt.Sprintf("%04o", uint32(m)) }

// kind is the type of a file in a word, as records have it.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return string(deployment.Directory)
	case mode.IsRegular():
		return string(deployment.File)
	case mode&fs.ModeSymlink != 0:
		return string(deployment.Symlink)
	}
	return "special file"
}
