package deployment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"syscall"

	"github.com/syscontainer/syscontainer/install/hint"
)

// stageFile plans a file of the deployment.
func (c *compiler) stageFile(name string, data []byte, mode Mode) {
	c.plan.Rendered = append(c.plan.Rendered, RenderedFile{Path: name, Data: data, Mode: mode})
	rendered := Rendered{Path: name, Mode: mode, SHA256: Checksum(data)}
	if IsCredential(name) {
		rendered.SHA256 = ""
	}
	c.plan.To.Rendered = append(c.plan.To.Rendered, rendered)
}

// addFile plans a file of the host whose content is rendered.
func (c *compiler) addFile(hostPath, source string, data []byte, mode Mode) {
	c.stageFile(source, data, mode)
	c.entries = append(c.entries, HostFile{
		Path: hostPath, Kind: File, Mode: mode, UID: c.Facts.Host.UID, GID: c.Facts.Host.GID,
		Source: source, SHA256: Checksum(data),
	})
}

// Checksum returns the SHA-256 of data as records have it.
func Checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// compileEntries completes the list of what the deployment puts onto the host:
// with the directories that are missing above it, without those that are the
// host's own. It refuses entries that would take the place of others.
func (c *compiler) compileEntries() error {
	entries := map[string]HostFile{}
	var conflicts []error
	for _, f := range c.entries {
		if other, twice := entries[f.Path]; twice && (f.Kind != Directory || other.Kind != Directory) {
			conflicts = append(conflicts, fmt.Errorf("two entries of the image want to be %s", f.Path))
		}
		entries[f.Path] = f
	}
	c.addParents(entries)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		f := entries[name]
		if err := behind(f, entries); err != nil {
			conflicts = append(conflicts, err)
			continue
		}
		if f.Kind == Directory && c.isHostsOwn(f.Path) {
			continue
		}
		conflicts = append(conflicts, c.conflict(f))
		c.plan.To.Files = append(c.plan.To.Files, f)
		if beside, ok := c.beside(f); ok {
			conflicts = append(conflicts, c.conflict(beside))
			c.plan.To.Files = append(c.plan.To.Files, beside)
		}
	}
	conflicts = append(conflicts, c.twins(), c.unitConflict())
	if err := errors.Join(conflicts...); err != nil {
		if c.From != nil {
			return hint.Add(err, "move away what is in the way, and repeat the command")
		}
		return hint.Add(err, "move away what is in the way, or install under another name with --name")
	}
	return nil
}

// addParents adds the directories above the entries that the image does not name.
func (c *compiler) addParents(entries map[string]HostFile) {
	for _, name := range slices.Collect(maps.Keys(entries)) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, named := entries[dir]; !named {
				entries[dir] = HostFile{Path: dir, Kind: Directory, Mode: 0o755, UID: c.Facts.Host.UID, GID: c.Facts.Host.GID}
			}
		}
	}
}

// isHostsOwn reports whether a directory was there before any container. One
// that another container made is in the records of both, so that whichever is
// uninstalled last removes it.
func (c *compiler) isHostsOwn(dir string) bool {
	info, err := c.Facts.Tree.Stat(dir)
	return err == nil && info.IsDir() && c.Facts.Owners[dir] == ""
}

// conflict returns why the host has no place for f.
func (c *compiler) conflict(f HostFile) error {
	info, err := c.Facts.Tree.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil // what is in the way of its directory is told of there
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", f.Path, err)
	}
	owner := c.Facts.Owners[f.Path]
	switch {
	case f.Kind == Directory && info.IsDir():
		return nil
	case owner != "" && owner != c.Name:
		return fmt.Errorf("%s belongs to the container %s", f.Path, owner)
	case c.Facts.MakesWay(c.before, f):
		return nil
	case f.Kind == Directory:
		return fmt.Errorf("%s exists and is not a directory", f.Path)
	case info.IsDir():
		return fmt.Errorf("%s exists and is a directory", f.Path)
	case owner != "": // of the deployment before
		return nil
	}
	return fmt.Errorf("%s exists and belongs to no container", f.Path)
}

// behind returns why f cannot be reached: another entry of the image takes the place
// of a directory above it.
func behind(f HostFile, entries map[string]HostFile) error {
	for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
		if above, ok := entries[dir]; ok && above.Kind != Directory {
			return fmt.Errorf("%s of the image is a %s, and cannot have %s below it", dir, above.Kind, f.Path)
		}
	}
	return nil
}

// twins returns which files of the plan would be one on the host, because a link
// above one leads to the other: /bin/x is /usr/bin/x on most hosts.
func (c *compiler) twins() error {
	var errs []error
	seen := map[string]string{}
	for _, f := range c.plan.To.Files {
		if f.Kind == Directory {
			continue
		}
		disk, err := c.location(f.Path)
		if err != nil {
			continue // conflict has said so
		}
		if twin, taken := seen[disk]; taken {
			errs = append(errs, fmt.Errorf("%s and %s of the image are one file on the host", twin, f.Path))
		}
		seen[disk] = f.Path
	}
	return errors.Join(errs...)
}

// unitConflict returns why the container cannot have a unit that it wants, or an
// alias of one: the host has one of that name, which it would hide.
func (c *compiler) unitConflict() error {
	var errs []error
	for _, unit := range c.plan.To.UnitNames() {
		errs = append(errs, c.taken(unit, foreignUnitDirs()))
	}
	for _, alias := range c.aliases {
		if c.isOwnLink(path.Join(SystemdDir, alias)) {
			continue
		}
		errs = append(errs, c.taken(alias, append([]string{SystemdDir}, foreignUnitDirs()...)))
	}
	return errors.Join(errs...)
}

// isOwnLink reports whether a link is one that enabling the deployment before made.
func (c *compiler) isOwnLink(link string) bool {
	target, err := c.Facts.Tree.Readlink(link)
	return err == nil && slices.Contains(c.From.UnitNames(), path.Base(target))
}

// taken returns where the host has a unit of that name, as an error.
func (c *compiler) taken(unit string, dirs []string) error {
	for _, dir := range dirs {
		p := path.Join(dir, unit)
		if _, err := c.Facts.Tree.Lstat(p); err == nil {
			return fmt.Errorf("the host has a unit of that name, %s", p) // /lib is /usr/lib on most hosts
		}
	}
	return nil
}
