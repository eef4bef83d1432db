package faults_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestUninstallOnAFullDisk: who uninstalls because nothing is left, neither blocks nor inodes, gets space back.
func TestUninstallOnAFullDisk(t *testing.T) {
	for _, purge := range []string{"--purge=false", "--purge"} {
		t.Run(purge, func(t *testing.T) {
			i := serveImages(t)
			h := newHost(t, hosttest.SmallDisk(t, 8, 1000), i.Host)
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
