package ostree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Objects are written here and not by libostree, in the form that it documents for
// mode bare: a file as it is, with its owner, attributes and mode, a symlink with its
// owner and attributes, metadata as it is serialized. libostree takes twice as many
// system calls for a file, streams every content through GLib, and hashes large ones
// with GLib's SHA-256, which knows nothing of the processor's instructions.

// The kinds of objects, as they stand in their names.
const (
	kindFile    = ".file"
	kindTree    = ".dirtree"
	kindDirMeta = ".dirmeta"
	kindCommit  = ".commit"
)

// objectName is where an object stands below objects/, and in a staging folder.
func objectName(sum Checksum, kind string) string {
	hex := sum.String()
	return hex[:2] + "/" + hex[2:] + kind
}

// has tells whether the repo has the object of a name, outside of transactions.
func (r *Repo) has(name string) bool {
	var stat unix.Stat_t
	return unix.Fstatat(int(r.objects.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// WriteFile writes a regular file whose content is in memory.
func (t *Txn) WriteFile(m Meta, content []byte) (Checksum, error) {
	hash := sha256.New()
	hash.Write(fileHeader(m, ""))
	hash.Write(content)
	sum := Checksum(hash.Sum(nil))
	return sum, wrapped("writing a file", t.write(objectName(sum, kindFile), int64(len(content)), func(dir int, name string) error {
		return createFile(dir, name, m, func(fd int) error {
			return errors.Join(writeAll(fd, content), setMeta(fd, m))
		})
	}))
}

// WriteSymlink writes a symlink. Only ownership and attributes of m count. Where
// the target is not UTF-8 the [Tree] that names the object must tell it, too.
func (t *Txn) WriteSymlink(m Meta, target string) (Checksum, error) {
	m.Mode = TypeLink | 0o777
	target = targetStandIn(target)
	sum := Checksum(sha256.Sum256(fileHeader(m, target)))
	return sum, wrapped("writing a symlink", t.write(objectName(sum, kindFile), 0, func(dir int, name string) error {
		return createSymlink(dir, name, m, target)
	}))
}

// writeMetadata writes an object that is not a file's. Writing the same once more costs
// nothing.
func (t *Txn) writeMetadata(kind string, data []byte) (Checksum, error) {
	sum := Checksum(sha256.Sum256(data))
	if _, written := t.metadata.Load(sum); written {
		return sum, nil
	}
	err := t.write(objectName(sum, kind), int64(len(data)), func(dir int, name string) error {
		public := Meta{Mode: TypeFile | 0o644}
		return createFile(dir, name, public, func(fd int) error {
			return errors.Join(writeAll(fd, data), setMode(fd, public.Mode))
		})
	})
	if err != nil {
		return Checksum{}, wrap("writing metadata", err)
	}
	t.metadata.Store(sum, struct{}{})
	return sum, nil
}

// write makes an object, unless the repo or the transaction has it. Of several writers
// of the same object one makes it, and if that fails, so does the transaction.
func (t *Txn) write(name string, size int64, do func(dir int, name string) error) error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	if t.repo.has(name) {
		return nil
	}
	err := t.fits(size)
	if err == nil {
		err = t.staging.make(name, do)
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		t.failed.Store(true)
		return err
	}
	t.repo.disk.wrote(size)
	return nil
}

// WriteStream writes a regular file of exactly size bytes from r, without
// holding it in memory. buf is the buffer for it; its length is the size of a
// single write.
func (t *Txn) WriteStream(m Meta, size int64, r io.Reader, buf []byte) (Checksum, error) {
	if err := t.enter(); err != nil {
		return Checksum{}, err
	}
	defer t.leave()
	sum, err := t.stream(m, size, r, buf)
	if err != nil {
		t.failed.Store(true)
		return Checksum{}, wrap("writing a file", err)
	}
	t.repo.disk.wrote(size)
	return sum, nil
}

// stream writes a file under another name, and gives it that of its object when it is known.
func (t *Txn) stream(m Meta, size int64, r io.Reader, buf []byte) (Checksum, error) {
	if err := t.fits(size); err != nil {
		return Checksum{}, err
	}
	dir, temporary := int(t.staging.dir.Fd()), strconv.FormatInt(t.streams.Add(1), 10)+".stream"
	hash := sha256.New()
	hash.Write(fileHeader(m, ""))
	err := createFile(dir, temporary, m, func(fd int) error {
		if err := copyAll(io.MultiWriter(hash, rawFile(fd)), size, r, buf); err != nil {
			return err
		}
		return setMeta(fd, m)
	})
	if err != nil {
		return Checksum{}, err
	}
	sum := Checksum(hash.Sum(nil))
	object := objectName(sum, kindFile)
	if err = unix.EEXIST; !t.repo.has(object) {
		err = t.staging.make(object, func(dir int, name string) error {
			return unix.Renameat2(dir, temporary, dir, name, unix.RENAME_NOREPLACE)
		})
	}
	if errors.Is(err, unix.EEXIST) {
		return sum, os.NewSyscallError("unlinkat", unix.Unlinkat(dir, temporary, 0))
	}
	return sum, os.NewSyscallError("renameat2", err)
}

// createFile makes a file that was not there, and removes it if it cannot be filled. It
// has the permissions of m as far as the umask lets it, and fill sets the rest.
func createFile(dir int, name string, m Meta, fill func(fd int) error) error {
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, m.Mode&0o777)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	err = fill(fd)
	if cerr := unix.Close(fd); err == nil {
		err = os.NewSyscallError("close", cerr)
	}
	if err != nil {
		return errors.Join(err, unix.Unlinkat(dir, name, 0))
	}
	return nil
}

func createSymlink(dir int, name string, m Meta, target string) error {
	if err := unix.Symlinkat(target, dir, name); err != nil {
		return os.NewSyscallError("symlinkat", err)
	}
	err := setLinkMeta(dir, name, m)
	if err != nil {
		return errors.Join(err, unix.Unlinkat(dir, name, 0))
	}
	return nil
}

// setLinkMeta sets the owner and the attributes of a symlink.
func setLinkMeta(dir int, name string, m Meta) error {
	if err := unix.Fchownat(dir, name, int(m.UID), int(m.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return os.NewSyscallError("fchownat", err)
	}
	for _, a := range canonical(m.Xattrs) {
		// As libostree does it: no call for an attribute of a symlink takes a
		// directory's descriptor.
		if err := unix.Lsetxattr("/proc/self/fd/"+strconv.Itoa(dir)+"/"+name, a.Name, a.Value, 0); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, os.NewSyscallError("lsetxattr", err))
		}
	}
	return nil
}

// setMeta sets owner, attributes and mode in this order: a new owner costs a
// file its capabilities and its setuid bit, and an access list is part of the mode.
func setMeta(fd int, m Meta) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Uid != m.UID || stat.Gid != m.GID {
		if err := unix.Fchown(fd, int(m.UID), int(m.GID)); err != nil {
			return os.NewSyscallError("fchown", err)
		}
	}
	for _, a := range canonical(m.Xattrs) {
		if err := unix.Fsetxattr(fd, a.Name, a.Value, 0); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, os.NewSyscallError("fsetxattr", err))
		}
	}
	if err := setMode(fd, m.Mode); err != nil {
		return err
	}
	var never [2]unix.Timespec // ostree's files are of 1970
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(fd, "", never[:], unix.AT_EMPTY_PATH))
}

// setMode sets the mode where it is another, which costs more than a look.
func setMode(fd int, mode uint32) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Mode == mode {
		return nil
	}
	return os.NewSyscallError("fchmod", unix.Fchmod(fd, mode&^TypeMask))
}

// copyAll copies exactly size bytes through buf.
func copyAll(w io.Writer, size int64, r io.Reader, buf []byte) error {
	for size > 0 {
		chunk := buf[:min(int64(len(buf)), size)]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return err
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		size -= int64(len(chunk))
	}
	return nil
}

// rawFile is a descriptor as an io.Writer.
type rawFile int

// Write implements io.Writer.
func (f rawFile) Write(p []byte) (int, error) { return len(p), writeAll(int(f), p) }

func writeAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		p = p[n:]
	}
	return nil
}
