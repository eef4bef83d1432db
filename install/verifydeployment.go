package install

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

// checkedOut is the rootfs of a deployment, with the mount points that staging made.
func (in *Installer) checkedOut(r *deployment.Record) (CheckedOut, error) {
	disk, err := in.inDeployment(r, deployment.RootfsDir)
	if err != nil {
		return CheckedOut{}, err
	}
	tree := CheckedOut{Commit: r.Image.Commit, Dir: disk}
	if r.Rendered == nil { // an early record, which does not tell of mount points
		return tree, nil
	}
	tree.Own = map[string]bool{}
	for _, m := range r.MountPoints {
		target, err := securejoin.SecureJoin(disk, m.Path)
		if err != nil {
			continue // verifyMountPoints tells of it
		}
		inside := "/" + strings.TrimPrefix(strings.TrimPrefix(target, disk), "/")
		for ; inside != "/"; inside = path.Dir(inside) {
			tree.Own[inside] = true
		}
	}
	return tree, nil
}

// verifyMountPoints looks for the places that the runtime mounts at.
func (in *Installer) verifyMountPoints(v *Verification, rootfs string) error {
	disk, err := in.Tree.Path(rootfs)
	if err != nil {
		return err
	}
	for _, m := range v.record.MountPoints {
		target, err := securejoin.SecureJoin(disk, m.Path)
		if err != nil {
			return fmt.Errorf("looking at the mount point %s: %w", m.Path, err)
		}
		inside, err := filepath.Rel(disk, target)
		if err != nil {
			return err
		}
		_, err = in.Tree.Lstat(path.Join(rootfs, inside))
		at := path.Join(rootfs, inside)
		known := slices.ContainsFunc(v.Differences, func(d drift.Difference) bool { return d.Path == at })
		if errors.Is(err, fs.ErrNotExist) && !known {
			v.Differences = append(v.Differences, drift.Difference{Place: drift.Rootfs, Path: at, Aspect: drift.Missing, Want: "a place to mount at"})
		}
	}
	return nil
}

// verifyRendered compares the files that were made for the deployment with its record,
// and looks for others. A secret's content is not recorded anywhere.
func (in *Installer) verifyRendered(v *Verification) error {
	dir := in.Paths.Deployment(v.Name, v.Deployment)
	expected := map[string]bool{deployment.RecordFile: true, deployment.RootfsDir: true}
	files := append(renderedFiles(v.record), deployment.HostFile{Source: deployment.RecordFile, Mode: recordPerm})
	for _, f := range files {
		for p := f.Source; p != "."; p = path.Dir(p) {
			expected[p] = true
		}
		f.Path, f.Kind, f.UID, f.GID = path.Join(dir, f.Source), deployment.File, in.Host.UID, in.Host.GID
		found, err := drift.Entry(in.Tree, f)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", f.Path, err)
		}
		for _, d := range found {
			d.Place, d.Administrator = drift.Deployment, false
			v.Differences = append(v.Differences, d)
		}
	}
	if v.record.Rendered == nil {
		return nil // an early record does not tell what else there is
	}
	return in.findOthers(v, dir, "", expected)
}

// renderedFiles are the files of the deployment that were made for it. An early record
// tells only of those that have a copy on the host.
func renderedFiles(r *deployment.Record) []deployment.HostFile {
	var files []deployment.HostFile
	for _, f := range r.Rendered {
		files = append(files, deployment.HostFile{Source: f.Path, Mode: f.Mode, SHA256: f.SHA256})
	}
	if r.Rendered != nil {
		return files
	}
	for _, f := range r.Files {
		if f.Source != "" && !strings.HasPrefix(f.Source, deployment.RootfsDir+"/") {
			mode := f.Mode
			if f.Origin != "" {
				mode = recordPerm
			}
			files = append(files, deployment.HostFile{Source: f.Source, Mode: mode, SHA256: f.SHA256})
		}
	}
	return files
}

// findOthers tells of entries of the deployment that are not expected; the rootfs is
// compared elsewhere.
func (in *Installer) findOthers(v *Verification, dir, below string, expected map[string]bool) error {
	entries, err := in.Tree.ReadDir(path.Join(dir, below))
	if err != nil {
		return fmt.Errorf("listing %s: %w", dir, err)
	}
	for _, entry := range entries {
		name := path.Join(below, entry.Name())
		switch {
		case !expected[name]:
			v.Differences = append(v.Differences, drift.Difference{
				Place: drift.Deployment, Path: path.Join(dir, name), Aspect: drift.Extra, Have: cmp.Or(kindOf(entry), "special file"),
			})
		case entry.IsDir() && name != deployment.RootfsDir:
			if err := in.findOthers(v, dir, name, expected); err != nil {
				return err
			}
		}
	}
	return nil
}

func kindOf(entry fs.DirEntry) string {
	return map[fs.FileMode]string{
		0: string(deployment.File), fs.ModeDir: string(deployment.Directory), fs.ModeSymlink: string(deployment.Symlink),
	}[entry.Type()]
}
