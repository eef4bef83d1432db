package faults_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUninstallOnAFullDisk: who uninstalls because nothing is left, neither blocks nor inodes, gets space back.
func TestUninstallOnAFullDisk(t *testing.T) {
	for _, purge := range []string{"--purge=false", "--purge"} {
		t.Run(purge, func(t *testing.T) {
			i := serveImages(t)
			h := newHost(t, smallDisk(t), i.Host)
			h.must(install...)
			i.serve(t, "v2")
			h.must(update...)
			h.write("var/lib/app/data", "data")
			remove := fill(t, h.root)
			h.must("uninstall", purge, "app")
			if out := h.must("list", "--json"); strings.TrimSpace(out) != "[]" {
				t.Errorf("installed are still: %s", out)
			}
			h.must("images", "prune", "--all")
			remove()
			h.checkRepo()
			h.must(install...)
		})
	}
}

// smallDisk mounts an ext4 of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	image, dir := filepath.Join(t.TempDir(), "ext4"), t.TempDir()
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 8<<20)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mkfs.ext4", "-q", "-m", "0", "-N", "1000", image}, {"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes every inode and every block of the disk that dir is on, and returns how to give them back.
func fill(t *testing.T, dir string) (remove func()) {
	t.Helper()
	place := filepath.Join(dir, "ballast")
	f, err := os.Create(place + "-file")
	if err == nil {
		err = os.Mkdir(place, 0o700)
	}
	for n := 0; err == nil; n++ {
		err = os.WriteFile(filepath.Join(place, fmt.Sprint(n)), nil, 0o600)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, rand.Reader); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name()), os.RemoveAll(place)); err != nil {
			t.Fatal(err)
		}
	}
}
