package hosttree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxRead is how much ReadFile reads at most: nothing of a host that is read as a whole
// is larger, and what is would take the memory of others.
const MaxRead = 256 << 20

var (
	// ErrNotRegular says that what should be read is a directory, a link, a device or a pipe.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge says that a file has more bytes than are read.
	ErrTooLarge = errors.New("too large to be read")
)

// ReadFile returns the content of the regular file that p leads to. What is none is
// ErrNotRegular, and never waited for.
func (t *Tree) ReadFile(p string) ([]byte, error) {
	disk, err := t.Follow(p)
	if err != nil {
		return nil, err
	}
	file, err := openRegular(disk)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxRead {
		return nil, &fs.PathError{Op: "reading", Path: disk, Err: ErrTooLarge}
	}
	return io.ReadAll(io.LimitReader(file, MaxRead))
}

// SHA256 returns the checksum, in hex, of the regular file at p, which is not followed.
// Of one with more than most bytes it is ErrTooLarge, at once: terabytes that are not even
// on the disk would keep us reading, with the lock.
func (t *Tree) SHA256(p string, most int64) (string, error) {
	disk, err := t.Path(p)
	if err != nil {
		return "", err
	}
	file, err := openRegular(disk)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() > most {
		return "", &fs.PathError{Op: "reading", Path: disk, Err: ErrTooLarge}
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(file, most)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// openRegular opens a file on disk for reading. A pipe that nobody writes to would
// otherwise keep us waiting, with the lock.
func openRegular(disk string) (*os.File, error) {
	info, err := os.Lstat(disk)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "reading", Path: disk, Err: ErrNotRegular}
	}
	return os.OpenFile(disk, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
