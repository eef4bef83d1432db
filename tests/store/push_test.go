package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/inject"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// destination is where an image can be pushed to.
type destination struct {
	name, form string // with % for a directory that is there
	top        string // below it: what is there when an image is
}

var destinations = []destination{
	{"layout", "oci:%/layout:tag", "layout/index.json"},
	{"directory", "dir:%/directory", "directory/manifest.json"},
	{"archive", "oci-archive:%/archive:tag", "archive"},
}

func (d destination) in(dir string) string { return strings.Replace(d.form, "%", dir, 1) }

func (d destination) isThere(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, d.top))
	return err == nil
}

// TestPushesAtEachPoint interferes with pushes at each call by which they change something: they are killed there, or the
// call fails. The destination has the image that was there or the one that was to come, and the next push finds nothing
// in its way and leaves nothing.
func TestPushesAtEachPoint(t *testing.T) {
	stride := 31
	if hosttest.Long() {
		stride = 1
	}
	m := newMachine(t, t.TempDir())
	before, after := m.pulled("old", 1), m.pulled("new", 2)
	for _, d := range destinations {
		for _, errno := range []unix.Errno{0, unix.EIO, unix.ENOSPC, unix.EACCES} { // 0 kills
			for begin, pushed := range map[string][]string{"nothing": nil, "another image": {before}} {
				t.Run(fmt.Sprintf("%s, %v, over %s", d.name, errno, begin), func(t *testing.T) {
					points := 0
					for n := 1 + rand.IntN(stride); m.interfere(t, d, pushed, after, inject.Fault{Nth: n, Errno: errno}); n += stride {
						points++
					}
					if points == 0 {
						t.Errorf("a push comes to fewer than %d calls", stride)
					}
					t.Logf("%d points", points)
				})
			}
		}
	}
	m.noLeftovers()
	m.sound(nil)
}

// pulled is an image that the store has.
func (m *machine) pulled(name string, layers int) string {
	m.t.Helper()
	dir := filepath.Join(m.t.TempDir(), name)
	var all []ociimage.Files
	for n := range layers {
		all = append(all, ociimage.Files{fmt.Sprint("file", n): name})
	}
	if err := ociimage.Write(dir, imgspec.ImageConfig{}, all...); err != nil {
		m.t.Fatal(err)
	}
	m.must("pull", "oci:"+dir+":latest")
	return "oci:" + dir + ":latest"
}

// interfere tells whether the push came to the point. The images that were pushed before are those that are there.
func (m *machine) interfere(t *testing.T, d destination, pushed []string, ref string, fault inject.Fault) bool {
	t.Helper()
	dir := t.TempDir()
	to := d.in(dir)
	for _, before := range pushed {
		m.must("push", before, to)
	}
	p := m.prepare("push", ref, to)
	report, err := inject.Run(p.Cmd, fault)
	if err != nil {
		t.Fatal(err)
	}
	if report.Hit == "" {
		return false
	}
	at := fmt.Sprintf("point %d, %s", fault.Nth, report.Hit)
	switch {
	case d.isThere(dir):
		readable(t, to)
	case len(pushed) > 0:
		t.Errorf("%s: the image that was there is gone", at)
	case fault.Errno != 0:
		nothingIn(t, at, dir)
	}
	if fault.Errno != 0 && !p.ProcessState.Success() && !strings.Contains(strings.ToLower(p.output.String()), fault.Errno.Error()) {
		t.Errorf("%s: it does not tell of %q: %s", at, fault.Errno, p.output.String())
	}
	m.must("push", ref, to)
	readable(t, to)
	clean(t, dir)
	return true
}

func nothingIn(t *testing.T, at, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%s: it failed, and left %v, %v", at, left, err)
	}
}

// readable demands an image that another program reads to its end.
func readable(t *testing.T, ref string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "skopeo", "copy", "--quiet", ref, "dir:"+t.TempDir()).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", ref, err, out)
	}
}

// clean demands that there is nothing unfinished below a directory: no temporaries, and no blob that is not what its
// name says.
func clean(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if strings.HasPrefix(name, "syscontainer-") || strings.Contains(name, "put-blob") {
			t.Errorf("%s is left", path)
		}
		if len(name) != 64 {
			return nil
		}
		text, err := os.ReadFile(path)
		if sum := sha256.Sum256(text); err == nil && hex.EncodeToString(sum[:]) != name {
			t.Errorf("%s is another blob", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPushWithoutLocks: file systems that lock no directories, such as NFS, take pushes.
func TestPushWithoutLocks(t *testing.T) {
	images := t.TempDir()
	makeImage(t, images, 13, 1)
	m := newMachine(t, images)
	ref, dir := "oci:"+images+":latest", t.TempDir()
	m.must("pull", ref)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"oci:" + dir + "/layout:tag", "dir:" + dir + "/directory"} {
		p := m.prepare("push", ref, to)
		p.Path = strace
		p.Args = append([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-P", dir + "/layout", "-P", dir + "/directory",
			"-e", "inject=flock:error=EBADF"}, p.Args...)
		if err := p.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", to, err, p.output.String())
		}
		readable(t, to)
		clean(t, dir)
	}
}
