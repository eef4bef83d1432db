package imagestore_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// scratchFS mounts an ext4 file system that lives in memory: it has everything
// that a real one has, its limits too, and makes nothing wait for a disk.
func scratchFS(t testing.TB, megabytes int64) string {
	t.Helper()
	image := filepath.Join("/dev/shm", fmt.Sprintf("syscontainer-test-%d-%s", os.Getpid(), filepath.Base(t.Name())))
	writeFile(t, image, nil)
	t.Cleanup(func() { os.Remove(image) })
	if err := os.Truncate(image, megabytes<<20); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.ext4", "-q", "-I", "256", "-i", "4096", "-m", "0", image)
	dir := t.TempDir()
	run(t, "mount", "-o", "loop", image, dir)
	t.Cleanup(func() { run(t, "umount", "--lazy", dir) })
	return dir
}

// tree describes what stands below a directory: all that must be alike.
type tree map[string]string

// treeOf reads a tree. Devices, fifos and sockets are left out, as the store
// leaves them out.
func treeOf(t testing.TB, dir string) tree {
	t.Helper()
	list := make(tree)
	if err := list.read(dir, "."); err != nil {
		t.Fatal(err)
	}
	return list
}

// read goes from directory to directory by descriptors: a whole path may be
// longer than the kernel takes.
func (list tree) read(dir, at string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	here := fmt.Sprintf("/proc/self/fd/%d/", f.Fd())
	if list[at], err = describe(here + "."); err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	for _, entry := range entries {
		switch p := at + "/" + entry.Name(); {
		case err != nil, entry.Type()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
		case entry.IsDir():
			err = list.read(here+entry.Name(), p)
		default:
			list[p], err = describe(here + entry.Name())
		}
	}
	return err
}

func describe(p string) (string, error) {
	info, err := os.Lstat(p)
	if err != nil {
		return "", err
	}
	stat := info.Sys().(*syscall.Stat_t)
	text := fmt.Sprintf("%v %d:%d", info.Mode(), stat.Uid, stat.Gid)
	switch info.Mode().Type() {
	case 0:
		sum, err := sumOf(p)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(" %d bytes %s", info.Size(), sum)
	case fs.ModeSymlink:
		target, err := os.Readlink(p)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(" -> %q", target)
	}
	attrs, err := xattrsOf(p)
	return text + attrs, err
}

func sumOf(p string) (string, error) {
	f, err := os.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

func xattrsOf(p string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, buf)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var texts []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(p, name, value)
		if err != nil {
			return "", err
		}
		texts = append(texts, fmt.Sprintf(" %s=%q", name, value[:n]))
	}
	slices.Sort(texts)
	return strings.Join(texts, ""), nil
}

// differences of two trees, one line each.
func differences(ours, theirs tree) []string {
	var lines []string
	for p, text := range theirs {
		switch got, ok := ours[p]; {
		case !ok:
			lines = append(lines, fmt.Sprintf("%.300q is missing, want %s", p, text))
		case got != text:
			lines = append(lines, fmt.Sprintf("%.300q is %s, want %s", p, got, text))
		}
	}
	for p, text := range ours {
		if _, ok := theirs[p]; !ok {
			lines = append(lines, fmt.Sprintf("%.300q should not be there: %s", p, text))
		}
	}
	slices.Sort(lines)
	return lines
}
