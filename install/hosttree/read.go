package hosttree

import (
	"bytes"
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
	file, err := t.open(p)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxRead {
		return nil, &fs.PathError{Op: "reading", Path: file.Name(), Err: ErrTooLarge}
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead) // so that it need not grow; /proc says 0
	_, err = data.ReadFrom(io.LimitReader(file, MaxRead))
	return data.Bytes(), err
}

// open opens the regular file that p leads to.
func (t *Tree) open(p string) (*os.File, error) {
	if t.IsHost() {
		return openIfRegular(hostPath(p), os.Stat, 0)
	}
	disk, err := t.Follow(p)
	if err != nil {
		return nil, err
	}
	return openRegular(disk)
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

// openRegular opens a file on disk, which is not followed, for reading.
func openRegular(disk string) (*os.File, error) {
	return openIfRegular(disk, os.Lstat, syscall.O_NOFOLLOW)
}

// openIfRegular looks before it opens. A pipe that nobody writes to would otherwise keep
// us waiting, with the lock.
func openIfRegular(disk string, stat func(string) (fs.FileInfo, error), flags int) (*os.File, error) {
	info, err := stat(disk)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "reading", Path: disk, Err: ErrNotRegular}
	}
	return os.OpenFile(disk, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
}
