package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledPushes kills pushes at random moments: the destination has the image that was there or the one that was to
// come, and the next push finds nothing in its way and leaves nothing.
func TestKilledPushes(t *testing.T) {
	kills := 3
	if long() {
		kills = 50
	}
	images := t.TempDir()
	makeImage(t, filepath.Join(images, "old"), 11, 1)
	makeImage(t, filepath.Join(images, "new"), 12, 4)
	m := newMachine(t, images)
	before, after := "oci:"+images+"/old:latest", "oci:"+images+"/new:latest"
	m.must("pull", before)
	m.must("pull", after)
	for top, form := range map[string]string{
		"layout/index.json": "oci:%/layout:tag", "directory/manifest.json": "dir:%/directory", "archive": "oci-archive:%/archive:tag",
	} {
		t.Run(strings.SplitN(form, ":", 2)[0], func(t *testing.T) {
			begin := time.Now()
			m.must("push", after, strings.Replace(form, "%", t.TempDir(), 1))
			whole, killed := time.Since(begin), 0
			for n := range kills {
				dir := t.TempDir()
				to := strings.Replace(form, "%", dir, 1)
				if n%3 > 0 {
					m.must("push", before, to)
				}
				p := m.start("push", after, to)
				time.Sleep(time.Duration(rand.Int64N(int64(whole))))
				if err := p.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				if p.Wait() != nil {
					killed++
				}
				if _, err := os.Stat(filepath.Join(dir, top)); err == nil {
					readable(t, to)
				} else if n%3 > 0 {
					t.Error("the image that was there is gone")
				}
				m.must("push", before, to)
				readable(t, to)
				clean(t, dir)
			}
			if killed == 0 {
				t.Error("no push was killed in time")
			}
		})
	}
	m.noLeftovers()
	m.sound(nil)
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
