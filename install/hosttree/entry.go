package hosttree

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// TempPrefix begins the name of every entry that is not yet what it will be.
// What bears it after a crash is a leftover.
const TempPrefix = ".syscontainer-"

// unusedName returns a name in dir for an entry that will be renamed to base.
// It cannot be guessed, and whoever uses it creates it exclusively.
func unusedName(dir, base string) string {
	return filepath.Join(dir, tempPrefix(base)+rand.Text()[:randomLength])
}

const randomLength = 12

// tempPrefix begins the name of every entry that will be renamed to base. A name
// may be 255 bytes long; the rest of it needs its share.
func tempPrefix(base string) string {
	const keep = 200
	return TempPrefix + base[:min(len(base), keep)] + "."
}

// label is the extended attribute that SELinux keeps. It belongs to a place and not
// to a file: the policy of the host gives the right one to what is made there.
const label = "security.selinux"

// copyXattrs gives target the extended attributes of source; "" has none. Those that
// the target's file system cannot hold are an error: a capability that is
// silently lost makes a program fail later and elsewhere.
func copyXattrs(source, target string) error {
	if source == "" {
		return nil
	}
	names, err := xattrNames(source)
	if err != nil {
		return fmt.Errorf("reading extended attributes: %w", err)
	}
	for _, name := range names {
		if name == label {
			continue
		}
		value, err := xattr(source, name)
		if err != nil {
			return fmt.Errorf("reading the extended attribute %s: %w", name, err)
		}
		if err := unix.Lsetxattr(target, name, value, 0); err != nil {
			return fmt.Errorf("setting the extended attribute %s: %w", name, err)
		}
	}
	return nil
}

// SameXattrs gives the target, an open directory, the extended attributes of the source, and takes those
// away that the source does not have; but for the label of SELinux.
func SameXattrs(source, target *os.File) error {
	from, to := fdPath(source), fdPath(target)
	names, err := xattrNames(to)
	if err != nil {
		return fmt.Errorf("reading extended attributes: %w", err)
	}
	for _, name := range names {
		if _, err := xattr(from, name); name == label || err == nil {
			continue
		}
		if err := unix.Fremovexattr(int(target.Fd()), name); err != nil {
			return fmt.Errorf("removing the extended attribute %s: %w", name, err)
		}
	}
	return copyXattrs(from, to)
}

// fdPath is a path that leads to an open file. The slash keeps it from being the link
// that it is in /proc.
func fdPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d/.", f.Fd()) }

// Xattr returns the extended attribute of the entry at p, which is not followed; "" where
// it has none of that name, or cannot be asked.
func (t *Tree) Xattr(p, name string) string {
	disk, err := t.Path(p)
	if err != nil {
		return ""
	}
	value, err := xattr(disk, name)
	if err != nil {
		return ""
	}
	return string(value)
}

// SetXattr gives the entry at p, which is not followed, an extended attribute.
func (t *Tree) SetXattr(p, name, value string) error {
	disk, err := t.Path(p)
	if err != nil {
		return err
	}
	if err := unix.Lsetxattr(disk, name, []byte(value), 0); err != nil {
		return fmt.Errorf("setting the extended attribute %s of %s: %w", name, p, err)
	}
	return nil
}

func xattrNames(path string) ([]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) || size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := make([]byte, size)
	if size, err = unix.Llistxattr(path, list); err != nil {
		return nil, err
	}
	var names []string
	for name := range bytes.SplitSeq(bytes.TrimRight(list[:size], "\x00"), []byte{0}) {
		names = append(names, string(name))
	}
	return names, nil
}

func xattr(path, name string) ([]byte, error) {
	size, err := unix.Lgetxattr(path, name, nil)
	if err != nil {
		return nil, err
	}
	value := make([]byte, size)
	size, err = unix.Lgetxattr(path, name, value)
	if err != nil {
		return nil, err
	}
	return value[:size], nil
}
