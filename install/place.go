package install

import (
	"cmp"
	"errors"
	"path"
	"strings"
	"syscall"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
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
func (in *Installer) compare(f deployment.HostFile) (fileState, error) {
	differences, err := drift.Entry(in.Tree, f)
	switch {
	case err != nil:
		return absent, err
	case len(differences) == 0:
		return asRecorded, nil
	case differences[0].Aspect == drift.Missing:
		return absent, nil
	}
	return different, nil
}

// is reports whether the host's entry is as f says.
func (in *Installer) is(f deployment.HostFile) bool {
	if f.Path == "" {
		return false
	}
	state, err := in.compare(f)
	return err == nil && state == asRecorded
}

// place has the batch make the host's entry what f says.
func (in *Installer) place(b *hosttree.Batch, r *deployment.Record, f deployment.HostFile) error {
	if f.Kind == deployment.File {
		return in.placeFile(b, r, f)
	}
	meta, err := in.metaOf(r, f)
	if err != nil {
		return err
	}
	if f.Kind == deployment.Directory {
		return b.Mkdir(f.Path, meta)
	}
	return b.Symlink(f.Target, f.Path, meta)
}

func (in *Installer) placeFile(b *hosttree.Batch, r *deployment.Record, f deployment.HostFile) error {
	source, err := in.inDeployment(r, f.Source)
	if err != nil {
		return err
	}
	if f.Linkable && in.isBelowUsr(f.Path) {
		if err := b.LinkIn(source, f.Path); !cannotLink(err) {
			return err
		}
	}
	meta, err := in.metaOf(r, f)
	if err != nil {
		return err
	}
	return b.CopyIn(source, f.Path, meta)
}

// metaOf is what the entry has beside its content.
func (in *Installer) metaOf(r *deployment.Record, f deployment.HostFile) (hosttree.Meta, error) {
	meta := hosttree.Meta{Mode: f.Mode.FileMode(), UID: f.UID, GID: f.GID}
	origin := cmp.Or(f.Origin, f.Source)
	if origin == "" {
		return meta, nil
	}
	var err error
	meta.Xattrs, err = in.inDeployment(r, origin)
	return meta, err
}

// inDeployment is where a file of a deployment is on disk.
func (in *Installer) inDeployment(r *deployment.Record, name string) (string, error) {
	return in.Tree.Path(path.Join(in.Paths.Deployment(r.Name, r.Deployment), name))
}

// isBelowUsr reports whether a path is below /usr when all links are followed: what
// programs write to must not share its content with the repo.
func (in *Installer) isBelowUsr(p string) bool {
	disk, err := in.Tree.Path(p)
	if err != nil {
		return false
	}
	usr, err := in.Tree.Follow("/usr")
	return err == nil && strings.HasPrefix(disk, usr+"/")
}

// cannotLink reports whether a hard link failed for a reason that a copy has not:
// another file system, one without links, or too many of them.
func cannotLink(err error) bool {
	return errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
