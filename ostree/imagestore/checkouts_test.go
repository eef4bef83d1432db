package imagestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// checked verifies one checkout.
func checked(t *testing.T, store *imagestore.Store, commit, dir string) imagestore.Checked {
	t.Helper()
	list, err := store.VerifyCheckouts(t.Context(), []imagestore.CheckedOut{{Commit: commit, Dir: dir, Own: map[string]bool{}}})
	do(t, err)
	return list[0]
}

func TestRefetchMendsObjects(t *testing.T) {
	store, repo := newStore(t)
	ref := image(t, gz(t, fileItem("a", "content of a"), fileItem("b", "content of b")))
	img := pull(t, store, ref)
	root := filepath.Join(filepath.Dir(repo), "root")
	do(t, store.Checkout(t.Context(), img.Commit, root))
	if c := checked(t, store, img.Commit, root); len(c.Differences)+len(c.Faults) != 0 || c.Digest != img.Digest {
		t.Fatalf("a sound checkout: %+v", c)
	}
	do(t, os.WriteFile(filepath.Join(root, "a"), []byte("harmed"), 0))
	objects, err := filepath.Glob(filepath.Join(repo, "objects/*/*.file"))
	do(t, err)
	for _, object := range objects {
		if content, err := os.ReadFile(object); err == nil && string(content) == "content of b" {
			do(t, os.Remove(object))
		}
	}
	c := checked(t, store, img.Commit, root)
	if len(c.Differences) != 1 || c.Differences[0].Path != "/a" || c.Differences[0].Aspect != ostree.Damaged ||
		len(c.Faults) != 1 || c.Faults[0].Path != "/b" || !c.Faults[0].Missing() {
		t.Fatalf("found %+v", c)
	}
	harmed := []string{c.Differences[0].Object, c.Faults[0].Object}
	restored, err := store.Refetch(t.Context(), img.Reference, img.Digest, append(harmed, "0000000000000000000000000000000000000000000000000000000000000000.file"))
	if err != nil || len(restored) != 2 {
		t.Fatalf("restored %v, %v", restored, err)
	}
	// The checkout still has the file that was harmed; the repo is sound.
	if c := checked(t, store, img.Commit, root); len(c.Faults) != 0 || len(c.Differences) != 1 || c.Differences[0].Aspect != ostree.Content {
		t.Errorf("found %+v", c)
	}
	reports, err := store.Verify(t.Context())
	if err != nil || len(reports[0].Faults) != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}

func TestRefetchOfWhatIsGone(t *testing.T) {
	store, _ := newStore(t)
	ref := image(t, gz(t, fileItem("a", "1")))
	img := pull(t, store, ref)
	if restored, err := store.Refetch(t.Context(), "oci:/nowhere:x", img.Digest, []string{"x"}); err == nil || restored != nil {
		t.Errorf("restored %v, %v", restored, err)
	}
	if restored, err := store.Refetch(t.Context(), img.Reference, "sha256:0", nil); err == nil || restored != nil {
		t.Errorf("another image: restored %v, %v", restored, err)
	}
}
