package ostree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// shownXattrs is a list of attributes in one line, each with its value in hex.
func shownXattrs(attrs []Xattr) string {
	var words []string
	for _, a := range canonical(attrs) {
		words = append(words, a.Name+"=0x"+hex.EncodeToString(a.Value))
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

// withoutLabel leaves out the label that SELinux gives to what is made on the host,
// unless the commit has one as well.
func withoutLabel(have, want []Xattr) []Xattr {
	const label = "security.selinux"
	isLabel := func(a Xattr) bool { return a.Name == label }
	if slices.ContainsFunc(want, isLabel) {
		return have
	}
	return slices.DeleteFunc(slices.Clone(have), isLabel)
}

// entry is what stands in a directory.
type entry struct {
	Meta
	at     int
	name   string
	size   int64
	target string // of a symlink
}

// readEntry describes an entry of an open directory, which "." is itself.
func readEntry(at int, name string) (*entry, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(at, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, os.NewSyscallError("fstatat", err)
	}
	e := &entry{Meta: Meta{UID: stat.Uid, GID: stat.Gid, Mode: stat.Mode}, at: at, name: name, size: stat.Size}
	var err error
	if stat.Mode&TypeMask == TypeLink {
		if e.target, err = os.Readlink(e.procPath()); err != nil {
			return nil, err
		}
	}
	e.Xattrs, err = readXattrs(e.procPath())
	return e, err
}

// procPath is a path to the entry itself: no call for attributes takes a directory's
// descriptor.
func (e *entry) procPath() string { return "/proc/self/fd/" + strconv.Itoa(e.at) + "/" + e.name }

// open opens a regular file.
func (e *entry) open() (*os.File, error) {
	fd, err := unix.Openat(e.at, e.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: e.name, Err: err}
	}
	return os.NewFile(uintptr(fd), e.name), nil
}

// checksum is that of the object that the entry would be, zero for what cannot be one.
func (e *entry) checksum() (Checksum, error) {
	m := e.Meta
	m.Xattrs = withoutLabel(m.Xattrs, nil)
	hash := sha256.New()
	switch e.Mode & TypeMask {
	case TypeLink:
		hash.Write(fileHeader(m, e.target))
	case TypeFile:
		hash.Write(fileHeader(m, ""))
		f, err := e.open()
		if err != nil {
			return Checksum{}, err
		}
		defer f.Close()
		if _, err := io.Copy(hash, f); err != nil {
			return Checksum{}, err
		}
	default:
		return Checksum{}, nil
	}
	return Checksum(hash.Sum(nil)), nil
}

// kind is the entry's type in a word.
func (e *entry) kind() string {
	if e == nil {
		return ""
	}
	return kindOf(e.Mode)
}

func kindOf(mode uint32) string {
	switch mode & TypeMask {
	case TypeDir:
		return "directory"
	case TypeFile:
		return "file"
	case TypeLink:
		return "symlink"
	}
	return "special file"
}

// readXattrs reads all attributes of the entry at path, which is not followed.
func readXattrs(path string) ([]Xattr, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("llistxattr", err)
	}
	list := make([]byte, size)
	if size, err = unix.Llistxattr(path, list); err != nil {
		return nil, os.NewSyscallError("llistxattr", err)
	}
	var attrs []Xattr
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:size]), "\x00"), "\x00") {
		size, err := unix.Lgetxattr(path, name, nil)
		if err != nil {
			return nil, os.NewSyscallError("lgetxattr", err)
		}
		value := make([]byte, size)
		if size, err = unix.Lgetxattr(path, name, value); err != nil {
			return nil, os.NewSyscallError("lgetxattr", err)
		}
		attrs = append(attrs, Xattr{Name: name, Value: value[:size]})
	}
	return attrs, nil
}
