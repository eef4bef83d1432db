package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/badregistry"
)

// TestFaults: a registry, or the network, that fails costs a pull and nothing else.
func TestFaults(t *testing.T) {
	images := t.TempDir()
	files := makeImage(t, images, 3, 3)
	for name, test := range map[string]struct {
		fault badregistry.Fault
		well  bool // the pull succeeds all the same
	}{
		"cuts every time": {badregistry.Cut, false},
		"cuts once":       {badregistry.CutOnce, true},
		"flips a byte":    {badregistry.Flip, false},
		"ends early":      {badregistry.Short, false},
		"sends more":      {badregistry.Long, false},
		"fails":           {badregistry.Fail, false},
		"is slow":         {badregistry.Slow, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, images)
			m.Reset(test.fault)
			p := m.start("pull", "docker://"+m.Host+"/etcd")
			err := p.within(t, time.Minute)
			if (err == nil) != test.well {
				t.Errorf("the pull: %v\n%s", err, p.output.String())
			}
			if err != nil {
				t.Log(p.output.String())
				if name == "cuts every time" && strings.Contains(p.output.String(), "broken image") {
					t.Error("a cut connection is no broken image")
				}
				if _, err := os.Stat(filepath.Join(m.root, "var")); err == nil {
					t.Error("the failed pull left a repo")
				}
			}
			m.noLeftovers()
			m.Reset(badregistry.None)
			m.must("pull", "docker://"+m.Host+"/etcd")
			m.sound(files)
		})
	}
}

// TestStall: who waits for a registry that says nothing more can stop waiting.
func TestStall(t *testing.T) {
	images := t.TempDir()
	makeImage(t, images, 4, 2)
	for name, sig := range map[string]syscall.Signal{"ctrl-C": syscall.SIGINT, "termination": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, images)
			m.Reset(badregistry.Stall)
			p := m.start("pull", "docker://"+m.Host+"/etcd")
			for m.Sent() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := p.within(t, 5*time.Second); err == nil {
				t.Error("the pull succeeded")
			}
			if _, err := os.Stat(filepath.Join(m.root, "var")); err == nil {
				t.Error("the pull left a repo")
			}
			m.noLeftovers()
		})
	}
}

// TestFullDisk: a pull that does not fit fails, and a prune gives back what it took.
func TestFullDisk(t *testing.T) {
	images := t.TempDir()
	makeImage(t, filepath.Join(images, "small"), 5, 1)
	makeImage(t, filepath.Join(images, "large"), 6, 6)
	dir := t.TempDir()
	mount(t, dir, "16m")
	m := machineAt(t, dir, filepath.Join(images, "small"))
	m.must("pull", "docker://"+m.Host+"/small")
	before := free(t, dir)
	large := machineAt(t, t.TempDir(), filepath.Join(images, "large"))
	m.write("etc/containers/registries.conf.d/large.conf", "[[registry]]\nlocation = \""+large.Host+"\"\ninsecure = true\n")
	for range 3 {
		out, err := m.run("pull", "docker://"+large.Host+"/large")
		if err == nil || !strings.Contains(strings.ToLower(out), "no space") {
			t.Errorf("pulling more than fits: %v\n%s", err, out)
		}
		m.noLeftovers()
		m.sound(nil)
	}
	m.must("prune") // layers that had arrived
	if after := free(t, dir); after+64<<10 < before {
		t.Errorf("%d bytes were free, %d are", before, after)
	}
	m.must("rm", "docker://"+m.Host+"/small")
}

// mount mounts a file system in memory on dir.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "syscontainer-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return fs.Bfree * uint64(fs.Bsize)
}
