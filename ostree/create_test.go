package ostree_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// TestCreateAndRemoveAtOnce: many make the repo while it is looked at; nobody
// meets half of one.
func TestCreateAndRemoveAtOnce(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "repo")
	for range 10 {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := ostree.Create(path); err != nil {
					t.Error(err)
				}
			})
			group.Go(func() {
				repo, err := ostree.Open(t.Context(), path)
				if err == nil {
					err = repo.Close()
				} else if errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		fsck(t, open(t, path))
		if err := ostree.Remove(path); err != nil {
			t.Error(err)
		}
	}
	if left := must(os.ReadDir(parent))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCreateInPlace: a mount point cannot be replaced, and what a kill left of a
// repo is completed.
func TestCreateInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "repo")
	if err := os.MkdirAll(filepath.Join(path, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := ostree.Create(path); err != nil {
		t.Fatal(err)
	}
	commitTree(t, open(t, path), "r")
	fsck(t, open(t, path))
}
