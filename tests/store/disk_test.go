package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/tests/badregistry"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// space is what a disk has left.
type space struct{ bytes, files int64 }

func free(t *testing.T, dir string) space {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	return space{int64(stat.Bavail) * stat.Bsize, int64(stat.Ffree)}
}

// ballast takes space away, and returns how to give it back.
func ballast(t *testing.T, dir string, take space) (remove func()) {
	t.Helper()
	place := filepath.Join(dir, "ballast")
	if err := os.Mkdir(place, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(place, "0"))
	if err == nil {
		err = errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, max(1, take.bytes)), f.Close())
	}
	for n := int64(1); err == nil && n < take.files; n++ {
		err = os.WriteFile(filepath.Join(place, fmt.Sprint(n)), nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.RemoveAll(place); err != nil {
			t.Fatal(err)
		}
	}
}

// short is a disk with an image on it, and one to pull that does not fit.
type short struct {
	*machine
	other  *machine // whose registry has the large one
	large  string
	needed space
}

func newShort(t *testing.T) *short {
	t.Helper()
	images := t.TempDir()
	makeImage(t, filepath.Join(images, "small"), 5, 1)
	makeImage(t, filepath.Join(images, "large"), 6, 4)
	s := &short{}
	dir := hosttest.SmallDisk(t, 40, 2000)
	s.machine = machineAt(t, dir, filepath.Join(images, "small"))
	s.must("pull", "docker://"+s.Host+"/small")
	s.other = machineAt(t, t.TempDir(), filepath.Join(images, "large"))
	s.large = "docker://" + s.other.Host + "/large"
	s.write("etc/containers/registries.conf.d/large.conf", "[[registry]]\nlocation = \""+s.other.Host+"\"\ninsecure = true\n")
	before := free(t, dir)
	s.must("pull", s.large)
	after := free(t, dir)
	s.needed = space{before.bytes - after.bytes, before.files - after.files}
	s.must("rm", s.large)
	return s
}

// TestFullDisk: a pull that does not fit says so, whatever is missing and how much of it, and takes nothing of what is
// there. A prune works also then, and gives back what the pull took; with more space the next pull goes through.
func TestFullDisk(t *testing.T) {
	times := 4
	if hosttest.Long() {
		times = 60
	}
	s := newShort(t)
	for n := range times {
		was := free(t, s.root)
		left := was
		if n%2 == 0 {
			left.bytes = rand.Int64N(s.needed.bytes * 9 / 10)
		} else {
			left.files = rand.Int64N(s.needed.files * 9 / 10)
		}
		remove := ballast(t, s.root, space{was.bytes - left.bytes - 64<<10, was.files - left.files})
		out, err := s.run("pull", s.large)
		if err == nil || !strings.Contains(strings.ToLower(out), "no space left on device") {
			t.Errorf("pulling with %+v left: %v\n%s", left, err, out)
		}
		s.noLeftovers()
		s.fsck()
		s.must("prune") // layers that had arrived
		remove()
		s.sound(nil)
		if now := free(t, s.root); now.bytes+64<<10 < was.bytes || now.files+16 < was.files {
			t.Errorf("with %+v left: %+v were free, %+v are", left, was, now)
		}
	}
	s.must("pull", s.large)
	s.sound(nil)
	s.must("rm", s.large)
}

// TestFullDiskKeepsLayers: the pull after one that did not fit asks for what is missing.
func TestFullDiskKeepsLayers(t *testing.T) {
	s := newShort(t)
	was := free(t, s.root)
	remove := ballast(t, s.root, space{bytes: was.bytes - s.needed.bytes*3/4})
	if out, err := s.run("pull", s.large); err == nil {
		t.Fatalf("it fitted\n%s", out)
	}
	remove()
	arrived := s.blobs() - 1
	s.other.Reset(badregistry.None)
	s.must("pull", s.large)
	if s.other.Asked() != 4-arrived {
		t.Errorf("%d layers of 4 were there, and %d were asked for", arrived, s.other.Asked())
	}
	s.sound(nil)
	s.noLeftovers()
}
