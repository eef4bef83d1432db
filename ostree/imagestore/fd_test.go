package imagestore_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// open lists what this process has open in a folder.
func openBelow(t testing.TB, dir string) []string {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if rel, rerr := filepath.Rel(dir, target); err == nil && rerr == nil && filepath.IsLocal(rel) {
			list = append(list, rel)
		}
	}
	return list
}

// TestNothingStaysOpen: whoever works with many images would run out of files.
func TestNothingStaysOpen(t *testing.T) {
	store, repo := newStore(t)
	for _, err := range []error{os.MkdirAll(filepath.Dir(repo), 0o755), exec.Command("ostree", "init", "--repo="+repo, "--mode=bare").Run()} {
		if err != nil { // making a repo is the one thing that leaves something open, in ostree-go
			t.Fatal(err)
		}
	}
	layer := gz(t, dirItem("d", 0o755), fileItem("d/f", "content"), symlinkItem("l", "d"))
	l := newLayout(t)
	check := func(what string) {
		t.Helper()
		if list := openBelow(t, filepath.Dir(repo)); list != nil {
			t.Fatalf("after %s these are open: %q", what, list)
		}
	}
	img := pull(t, store, l.tag(t, "one", l.manifest(t, runtime.GOARCH, layer)))
	check("a pull")
	pull(t, store, l.tag(t, "two", l.manifest(t, "", layer)))
	check("a pull of stored layers")
	checkout(t, store, repo, img)
	check("a checkout")
	if _, err := store.Find(t.Context(), img.Reference); err != nil {
		t.Fatal(err)
	}
	check("a look")
	files, err := store.Files(t.Context(), img.Commit)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(files, "l/f")
	if err := errors.Join(err, files.Close()); err != nil || string(data) != "content" {
		t.Fatalf("%q, %v", data, err)
	}
	check("a view")
	if err := store.Hold(t.Context(), "a/1", img.Commit); err != nil {
		t.Fatal(err)
	}
	if err := store.Release(t.Context(), "a/1"); err != nil {
		t.Fatal(err)
	}
	check("a hold")
	if err := store.Remove(t.Context(), img.Reference); err != nil {
		t.Fatal(err)
	}
	check("a removal")
	if _, err := store.Pull(t.Context(), image(t, gz(t, fileItem("../evil", "")))); err == nil {
		t.Fatal("the pull succeeded")
	}
	check("a failed pull")
}
