package ostree

// #include "glue.h"
import "C"

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSpooled bounds the files that transactions hold open.
const maxSpooled = 512

// spooled is the content object of a large file: complete, but without a name
// until the transaction is committed.
//
// libostree hashes what it streams, with GLib's SHA-256, and cannot be told a
// checksum that is known only at the end. The processor's instructions make the
// difference between 160 and 430 MB/s, so a large file is written here, in the
// form that libostree documents for mode bare: the file as it is, with its
// owner, mode and attributes.
type spooled struct {
	sum  Checksum
	file *os.File
}

// WriteStream writes a regular file of exactly size bytes from r, without
// holding it in memory. buf is the buffer for it; its length is the size of a
// single write.
func (t *Txn) WriteStream(m Meta, size int64, r io.Reader, buf []byte) (Checksum, error) {
	if err := t.enter(); err != nil {
		return Checksum{}, err
	}
	defer t.leave()
	if err := t.repo.fits(size); err != nil {
		return Checksum{}, wrap("writing a file", err)
	}
	if t.repo.spooled.Add(1) > maxSpooled {
		t.repo.spooled.Add(-1)
		return t.streamSlowly(m, size, r, buf)
	}
	f, err := t.repo.unnamed()
	if err != nil {
		t.repo.spooled.Add(-1)
		return Checksum{}, wrap("writing a file", err)
	}
	sum, err := spool(f, m, size, r, buf)
	t.disk.wrote(size)
	t.spoolMu.Lock()
	defer t.spoolMu.Unlock()
	if err != nil {
		t.repo.spooled.Add(-1)
		return Checksum{}, wrap("writing a file", errors.Join(err, f.Close()))
	}
	t.spool = append(t.spool, spooled{sum: sum, file: f})
	return sum, nil
}

// fits refuses a file for which there is no room, beside what the repo shall leave
// free (libostree's min-free-space, which it checks for smaller files itself).
func (r *Repo) fits(size int64) error {
	var keep C.guint64
	var gerr *C.GError
	if C.ostree_repo_get_min_free_space_bytes(r.c, &keep, &gerr) == 0 {
		return failure(gerr)
	}
	var room unix.Statfs_t
	if err := unix.Fstatfs(int(r.dir.Fd()), &room); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if free := room.Bavail * uint64(room.Bsize); uint64(size)+uint64(keep) > free {
		return fmt.Errorf("a file of %d bytes, where %d are free and %d shall stay so: %w", size, free, uint64(keep), unix.ENOSPC)
	}
	return nil
}

// unnamed makes a file in the repo that vanishes unless it gets a name.
func (r *Repo) unnamed() (*os.File, error) {
	fd, err := unix.Open(filepath.Join(r.path, "tmp"), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(fd), "object"), nil
}

// spool copies r to f and gives it the metadata of an object.
func spool(f *os.File, m Meta, size int64, r io.Reader, buf []byte) (Checksum, error) {
	hash := sha256.New()
	hash.Write(fileHeader(m, ""))
	if err := copyAll(io.MultiWriter(hash, f), size, r, buf); err != nil {
		return Checksum{}, err
	}
	if err := setMeta(f, m); err != nil {
		return Checksum{}, err
	}
	return Checksum(hash.Sum(nil)), nil
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

// setMeta sets owner, attributes and mode in this order: a new owner costs a
// file its capabilities and its setuid bit.
func setMeta(f *os.File, m Meta) error {
	fd := int(f.Fd())
	if err := unix.Fchown(fd, int(m.UID), int(m.GID)); err != nil {
		return os.NewSyscallError("fchown", err)
	}
	for _, a := range canonical(m.Xattrs) {
		if err := unix.Fsetxattr(fd, a.Name, a.Value, 0); err != nil {
			return fmt.Errorf("setting attribute %q: %w", a.Name, err)
		}
	}
	if err := unix.Fchmod(fd, m.Mode&^TypeMask); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	var never [2]unix.Timespec // ostree's files are of 1970
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(fd, "", never[:], unix.AT_EMPTY_PATH))
}

// publish gives the spooled files their names and closes them.
func (t *Txn) publish() error {
	objects, err := os.Open(filepath.Join(t.repo.path, "objects"))
	if err != nil {
		return wrap("naming objects", err)
	}
	defer objects.Close()
	for _, s := range t.spool {
		if err := s.publish(objects); err != nil {
			return wrap("naming objects", err)
		}
	}
	return nil
}

func (s spooled) publish(objects *os.File) error {
	hex := s.sum.String()
	dir := int(objects.Fd())
	if err := unix.Mkdirat(dir, hex[:2], 0o775); err != nil && !errors.Is(err, fs.ErrExist) {
		return os.NewSyscallError("mkdirat", err)
	}
	self := fmt.Sprintf("/proc/self/fd/%d", s.file.Fd())
	err := unix.Linkat(unix.AT_FDCWD, self, dir, hex[:2]+"/"+hex[2:]+".file", unix.AT_SYMLINK_FOLLOW)
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return os.NewSyscallError("linkat", err)
	}
	return nil
}

// closeSpool lets go of the spooled files; those without a name are gone.
func (t *Txn) closeSpool() {
	for _, s := range t.spool {
		s.file.Close()
	}
	t.repo.spooled.Add(-int64(len(t.spool)))
	t.spool = nil
}

// streamSlowly is WriteStream through libostree, which stages the file by name.
func (t *Txn) streamSlowly(m Meta, size int64, r io.Reader, buf []byte) (Checksum, error) {
	attrs := appendXattrs(nil, m.Xattrs)
	var gerr *C.GError
	w := C.sysc_stream_open(t.repo.c, C.guint32(m.UID), C.guint32(m.GID), C.guint32(m.Mode),
		C.guint64(size), pointer(attrs), C.gsize(len(attrs)), &gerr)
	if w == nil {
		return Checksum{}, wrap("writing a file", failure(gerr))
	}
	defer C.sysc_stream_free(w)
	if err := copyAll(&streamWriter{c: w, cancel: t.cancel}, size, r, buf); err != nil {
		return Checksum{}, wrap("writing a file", err)
	}
	sum := C.sysc_stream_finish(w, t.cancel, &gerr)
	if sum == nil {
		return Checksum{}, wrap("writing a file", failure(gerr))
	}
	return takeChecksum(sum)
}

// streamWriter is libostree's content writer as an io.Writer.
type streamWriter struct {
	c      *C.OstreeContentWriter
	cancel *C.GCancellable
}

// Write implements io.Writer.
func (w *streamWriter) Write(p []byte) (int, error) {
	var gerr *C.GError
	if C.sysc_stream_write(w.c, pointer(p), C.gsize(len(p)), w.cancel, &gerr) == 0 {
		return 0, failure(gerr)
	}
	return len(p), nil
}
