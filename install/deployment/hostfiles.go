package deployment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/syscontainer/syscontainer/templates"
)

// MaxHostFile is how large a file that is put onto the host is at most. It is compared by
// its checksum, and what somebody has put in its place must not take hours to read.
const MaxHostFile = 4 << 30

// compileHostFiles plans the tree that the image installs onto the host. The error
// joins what is wrong with each of its files.
func (c *compiler) compileHostFiles() error {
	there, err := c.hasTree(hostFilesTree)
	if err != nil || !there {
		return err
	}
	if err := c.renderTemplateList(); err != nil {
		return err
	}
	var wrong []error
	err = fs.WalkDir(c.Files, hostFilesTree, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading /%s of %s: %w", name, c.Image.Reference, err)
		}
		if name == hostFilesTree {
			return nil
		}
		if err := c.compileHostFile(name, entry); err != nil {
			wrong = append(wrong, fmt.Errorf("planning /%s of %s: %w", name, c.Image.Reference, err))
		}
		return nil
	})
	return errors.Join(append(wrong, err)...)
}

// hasTree reports whether the image has a directory of that name. What stands in its
// place is an error, and not a tree that is not there: a link would lead to the files
// of the host once the image is checked out.
func (c *compiler) hasTree(name string) (bool, error) {
	for _, dir := range []string{exportsDir, name} {
		info, err := fs.Lstat(c.Files, dir)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading /%s of %s: %w", dir, c.Image.Reference, err)
		}
		if !info.IsDir() {
			return false, fmt.Errorf("reading /%s of %s: it is not a directory", dir, c.Image.Reference)
		}
	}
	return true, nil
}

// renderTemplateList collects the paths of installedFilesTemplate, which are those
// after the renaming: as they are written and, since the renaming may depend on
// variables, with these filled in.
func (c *compiler) renderTemplateList() error {
	for i, p := range c.manifest.InstalledFilesTemplate {
		c.templated = append(c.templated, p)
		name := fmt.Sprintf("%s: installedFilesTemplate[%d]", manifestFile, i)
		if _, err := templates.Parse(name, []byte(p)); err != nil {
			continue // a path with a dollar sign
		}
		rendered, err := c.renderText(name, []byte(p), templates.Text)
		if err != nil {
			return err
		}
		c.templated = append(c.templated, string(rendered))
	}
	return nil
}

func (c *compiler) compileHostFile(name string, entry fs.DirEntry) error {
	target, err := c.manifest.Rename(strings.TrimPrefix(name, hostFilesTree), c.values)
	if err != nil {
		return err
	}
	if !utf8.ValidString(target) {
		return fmt.Errorf("the name %q is not UTF-8: the record of a deployment cannot hold it", target)
	}
	if c.reserved(target) {
		return fmt.Errorf("the image may not install %s: that is syscontainer's own", target)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	f := HostFile{Path: target, Mode: ModeOf(info.Mode()), Origin: path.Join(RootfsDir, name)}
	if owner, ok := info.Sys().(Owner); ok {
		f.UID, f.GID = owner.Owner()
	}
	switch {
	case info.IsDir():
		f.Kind = Directory
	case info.Mode()&fs.ModeSymlink != 0:
		f.Kind = Symlink
		f.Mode = 0
		if f.Target, err = fs.ReadLink(c.Files, name); err != nil {
			return err
		}
		if !utf8.ValidString(f.Target) {
			return fmt.Errorf("the link's target %q is not UTF-8: the record of a deployment cannot hold it", f.Target)
		}
	case info.Mode().IsRegular() && info.Size() > MaxHostFile:
		return fmt.Errorf("it has %d bytes, and a file of the host may have %d", info.Size(), MaxHostFile)
	case info.Mode().IsRegular():
		return c.compileRegular(name, f)
	default:
		return errors.New("neither a file, a directory nor a symbolic link")
	}
	c.entries = append(c.entries, f)
	return nil
}

// reserved reports whether a path is one that an image must not write: our state,
// by whatever links it is reached.
func (c *compiler) reserved(p string) bool {
	state := c.Facts.Paths.State
	if p == state {
		return true
	}
	at, err := c.location(p)
	inside, stateErr := c.location(path.Join(state, "x"))
	if errors.Join(err, stateErr) != nil { // links without an end; conflict tells of them
		return strings.HasPrefix(p, state+"/")
	}
	state = path.Dir(inside)
	return at == state || strings.HasPrefix(at, state+"/")
}

// location is where an entry of the host is on disk, with the links above it followed.
// The host is asked once for each directory, of which trees of thousands of files have few.
func (c *compiler) location(p string) (string, error) {
	dir, name := path.Split(path.Clean(p))
	if _, known := c.dirs[dir]; !known {
		inside, err := c.Facts.Tree.Path(dir + "x")
		if err != nil {
			return "", err
		}
		c.dirs[dir] = path.Dir(inside)
	}
	return path.Join(c.dirs[dir], name), nil
}

func (c *compiler) compileRegular(name string, f HostFile) error {
	f.Kind = File
	if slices.Contains(c.templated, f.Path) {
		return c.compileTemplated(name, f)
	}
	f.Source, f.Origin = f.Origin, ""
	var err error
	if f.SHA256, err = c.checksumOf(name, f.Source); err != nil {
		return err
	}
	f.Linkable = c.manifest.UseLinks && strings.HasPrefix(f.Path, "/usr/")
	c.entries = append(c.entries, f)
	return nil
}

// checksumOf is that of a file of the image.
func (c *compiler) checksumOf(name, source string) (string, error) {
	if sum, known := c.checksums[source]; known {
		return sum, nil
	}
	content, err := c.Files.Open(name)
	if err != nil {
		return "", err
	}
	defer content.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, content); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (c *compiler) compileTemplated(name string, f HostFile) error {
	text, err := fs.ReadFile(c.Files, name)
	if err != nil {
		return err
	}
	data, err := c.renderText(name, text, c.formatOf(f.Path))
	if err != nil {
		return err
	}
	f.SHA256 = Checksum(data)
	f.Source = path.Join(hostFilesDir, f.Path)
	// The rendered file holds values; the host file has the mode of the image's.
	c.stageFile(f.Source, data, 0o600)
	c.entries = append(c.entries, f)
	return nil
}

// formatOf says how values are written in a templated host file. That a file holds
// assignments is known from a unit that reads it, or from its suffix. Its folder
// tells nothing: /etc/sysconfig and /etc/default hold other syntaxes as well.
func (c *compiler) formatOf(file string) templates.Format {
	patterns := c.unit.All("Service", "EnvironmentFile")
	for _, m := range c.members {
		patterns = append(patterns, m.unit.All("Service", "EnvironmentFile")...)
	}
	named := slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern = strings.ReplaceAll(strings.TrimPrefix(pattern, "-"), "%%", "%")
		matches, err := path.Match(pattern, file)
		return pattern == file || err == nil && matches
	})
	if named || path.Ext(file) == ".env" {
		return templates.EnvFile
	}
	return templates.Text
}
