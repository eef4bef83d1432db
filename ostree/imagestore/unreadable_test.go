package imagestore_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// objects are the names of all objects of a repo.
func objects(t *testing.T, repo string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repo, "objects/*/*"))
	do(t, err)
	return found
}

// TestUnreadableImage: an image of which nothing can be known is shown as such, it
// keeps all that may be its own, and it is in nobody's way.
func TestUnreadableImage(t *testing.T) {
	for _, test := range []struct {
		name string
		// harm makes the image of a commit unreadable, which ref names.
		harm  func(t *testing.T, repo, ref, commit string)
		frees bool // others' objects go nevertheless
	}{
		{"its commit is gone", func(t *testing.T, repo, _, commit string) {
			do(t, os.Remove(filepath.Join(repo, "objects", commit[:2], commit[2:]+".commit")))
		}, false},
		{"its commit is damaged", func(t *testing.T, repo, _, commit string) {
			file := filepath.Join(repo, "objects", commit[:2], commit[2:]+".commit")
			do(t, os.Remove(file))
			writeFile(t, file, []byte("damage"))
		}, false},
		{"its commit is a layer's", func(t *testing.T, repo, ref, _ string) {
			layers, err := filepath.Glob(filepath.Join(repo, "refs/heads/layer/sha256/*"))
			do(t, err)
			layer, err := os.ReadFile(layers[0])
			do(t, err)
			writeFile(t, ref, layer)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, repo := newStore(t)
			l := newLayout(t)
			shared := gz(t, fileItem("shared", "s"))
			broken := pull(t, store, l.tag(t, "broken", l.manifest(t, runtime.GOARCH, shared, gz(t, fileItem("own", "broken's")))))
			before := objects(t, repo)
			other := pull(t, store, l.tag(t, "other", l.manifest(t, runtime.GOARCH, shared, gz(t, fileItem("own", strings.Repeat("other's", 99))))))
			test.harm(t, repo, refOf(t, repo, broken), broken.Commit)
			before = slices.DeleteFunc(before, func(file string) bool { _, err := os.Stat(file); return err != nil })

			images, err := store.Inventory(t.Context())
			if err != nil || len(images) != 2 && len(images) != 3 {
				t.Fatalf("inventory: %+v, %v", images, err)
			}
			i := slices.IndexFunc(images, func(i imagestore.Stored) bool { return slices.Contains(i.Names, broken.Reference) })
			if i < 0 || images[i].Broken == nil {
				t.Errorf("inventory: %+v", images)
			}
			pruned, err := store.Prune(t.Context(), imagestore.PruneOptions{Unused: true})
			do(t, err)
			if !slices.Contains(pruned.Images, other.Reference) || !slices.Equal(pruned.Unreadable, []string{broken.Reference}) {
				t.Errorf("pruned %+v", pruned)
			}
			if (pruned.Objects > 0) != test.frees {
				t.Errorf("%d objects were removed", pruned.Objects)
			}
			if !test.frees {
				for _, file := range before {
					if _, err := os.Stat(file); err != nil {
						t.Error(err)
					}
				}
			}
			// It is mended as its error says: away with it, and again.
			do(t, store.Remove(t.Context(), broken.Reference))
			if again := pull(t, store, broken.Reference); again.Commit == "" {
				t.Errorf("pulled again: %+v", again)
			}
			fsck(t, repo)
		})
	}
}

// refOf is the file of an image's ref.
func refOf(t *testing.T, repo string, img imagestore.Image) string {
	t.Helper()
	refs, err := filepath.Glob(filepath.Join(repo, "refs/heads/image/*"))
	do(t, err)
	for _, ref := range refs {
		if text, err := os.ReadFile(ref); err == nil && strings.TrimSpace(string(text)) == img.Commit {
			return ref
		}
	}
	t.Fatalf("no ref of %+v among %q", img, refs)
	return ""
}

// TestForeignRef: a ref that somebody else put among ours is in nobody's way.
func TestForeignRef(t *testing.T) {
	store, repo := newStore(t)
	img := pull(t, store, image(t, gz(t, fileItem("f", "1"))))
	writeFile(t, filepath.Join(repo, "refs/heads/image/not_one"), []byte(img.Commit+"\n"))
	images, err := store.Inventory(t.Context())
	do(t, err)
	if len(images) != 2 {
		t.Errorf("inventory: %+v", images)
	}
	pruned, err := store.Prune(t.Context(), imagestore.PruneOptions{Unused: true})
	if err != nil || !slices.Contains(pruned.Images, img.Reference) {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if dir := checkout(t, store, repo, img); !slices.Equal(listing(t, dir), []string{"f=1"}) {
		t.Error("what the ref names was pruned")
	}
}

// TestDamageIsNotAbsence: when an object of one image is missing, a prune says so. It
// does not say that there was nothing to do.
func TestDamageIsNotAbsence(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	pull(t, store, l.tag(t, "damaged", l.manifest(t, runtime.GOARCH, gz(t, dirItem("dir", 0o755), fileItem("dir/f", "x")))))
	for _, object := range objects(t, repo) {
		if strings.HasSuffix(object, ".dirtree") {
			do(t, os.Remove(object))
		}
	}
	if pruned, err := store.Prune(t.Context(), imagestore.PruneOptions{}); err == nil {
		t.Errorf("pruned %+v", pruned)
	}
}
