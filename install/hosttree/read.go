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
	file, info, err := t.open(p)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > MaxRead {
		return nil, &fs.PathError{Op: "reading", Path: file.Name(), Err: ErrTooLarge}
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead) // so that it need not grow; /proc says 0
	_, err = data.ReadFrom(io.LimitReader(file, MaxRead))
	return data.Bytes(), err
}

// open opens the regular file that p leads to.
func (t *Tree) open(p string) (*os.File, fs.FileInfo, error) {
	if t.IsHost() {
		return openIfRegular(hostPath(p), 0)
	}
	disk, err := t.Follow(p)
	if err != nil {
		return nil, nil, err
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
	file, info, err := openRegular(disk)
	if err != nil {
		return "", err
	}
	defer file.Close()
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
func openRegular(disk string) (*os.File, fs.FileInfo, error) {
	return openIfRegular(disk, syscall.O_NOFOLLOW)
}

// openIfRegular opens first and looks then, so that nothing comes in between. It does not
// wait: a pipe that nobody writes to would otherwise keep us, with the lock.
func openIfRegular(disk string, flags int) (*os.File, fs.FileInfo, error) {
	file, err := os.OpenFile(disk, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|flags, 0)
	if err != nil {
		if flags == syscall.O_NOFOLLOW && errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) { // a link, a socket
			err = notRegular(disk)
		}
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(disk)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

func notRegular(disk string) error {
	return &fs.PathError{Op: "reading", Path: disk, Err: ErrNotRegular}
}
