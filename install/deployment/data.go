package deployment

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// DataMark is the extended attribute of what a container has left of its data when it was
// uninstalled, its installation failed, or it began to keep its data elsewhere. Its value is
// the container's name.
const DataMark = "user.syscontainer.data"

// compileFound records what was in the container's data directory before any deployment
// of it: no purge removes that.
func (c *compiler) compileFound() {
	to := c.plan.To
	known := c.From != nil && c.From.Data == to.Data
	switch {
	case known && !slices.Contains(c.From.Found, to.Data):
		return // all of it is the container's
	case known:
		to.Found = slices.Clone(c.From.Found)
	case !c.isOthers(to.Data):
		return
	default:
		to.Found = []string{to.Data}
	}
	paths := c.dataPaths()
	if len(paths) > 0 && !known {
		c.warn("%s was there before, and is used as it is; uninstall --purge leaves what it holds now", to.Data)
	}
	for _, p := range paths {
		if known && slices.ContainsFunc(c.Facts.Made, func(made string) bool { return IsWithin(p, made) && IsWithin(made, to.Data) }) {
			continue // the deployment before has made it, or found it as well
		}
		if c.isOthers(p) && !slices.Contains(to.Found, p) {
			to.Found = append(to.Found, p)
		}
	}
}

func (c *compiler) dataPaths() []string {
	for _, f := range c.plan.Rendered {
		if f.Path == TmpfilesFile {
			return c.plan.To.DataPaths(f.Data)
		}
	}
	return nil
}

// isOthers reports whether there is anything at a path that does not bear the mark of the
// container. Directories without a single file are nobody's.
func (c *compiler) isOthers(p string) bool {
	info, err := c.Facts.Tree.Lstat(p)
	if err != nil || c.Facts.Tree.Xattr(p, DataMark) == c.Name {
		return false
	}
	return !info.IsDir() || HoldsFiles(c.Facts.Tree, p)
}

// HoldsFiles reports whether there is anything but directories below dir, or nobody can
// tell.
func HoldsFiles(tree HostReader, dir string) bool {
	entries, err := tree.ReadDir(dir)
	return err != nil || slices.ContainsFunc(entries, func(entry fs.DirEntry) bool {
		return !entry.IsDir() || HoldsFiles(tree, path.Join(dir, entry.Name()))
	})
}

// DataPaths are the paths in the container's data directory that its tmpfiles.d file, of
// which this is the text, makes.
func (r *Record) DataPaths(tmpfiles []byte) []string {
	return slices.DeleteFunc(unitgen.TmpfilesPaths(tmpfiles), func(p string) bool { return !IsWithin(p, r.Data) })
}

// Keeps reports whether a path, or something in it, was there before the container.
func (r *Record) Keeps(p string) bool {
	return slices.ContainsFunc(r.Found, func(found string) bool { return IsWithin(found, p) })
}

// IsWithin reports whether a path is dir or in it; nothing is in "".
func IsWithin(p, dir string) bool {
	return dir != "" && (p == dir || strings.HasPrefix(p, dir+"/"))
}
