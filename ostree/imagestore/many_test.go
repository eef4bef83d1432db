package imagestore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// storeOn is a store on a file system of its own.
func storeOn(t testing.TB, dir string) (store *imagestore.Store, repo string) {
	t.Helper()
	o := newOracle(t, dir)
	return o.store, o.repo
}

// TestMoreFilesThanLinks: ext4 gives a file 65000 names.
func TestMoreFilesThanLinks(t *testing.T) {
	contents, names := map[string]string{"alike": "all alike"}, []string{"one"}
	if long() {
		contents["empty"], names = "", append(names, "two") // which finds fewer links left
	}
	for name, content := range contents {
		t.Run(name, func(t *testing.T) {
			const count = 66_000
			var items []item
			for i := range count {
				items = append(items, fileItem(fmt.Sprintf("%d/%d", i/1000, i), content))
			}
			store, repo := storeOn(t, scratchFS(t, 600))
			img := pull(t, store, image(t, gz(t, items...)))
			for _, name := range names {
				dir := filepath.Join(filepath.Dir(repo), name)
				if err := store.Checkout(t.Context(), img.Commit, dir); err != nil {
					t.Fatal(err)
				}
				files, err := filepath.Glob(dir + "/*/*")
				if err != nil || len(files) != count {
					t.Fatalf("%d files, %v", len(files), err)
				}
				text, err := os.ReadFile(files[count-1])
				if err != nil || string(text) != content {
					t.Errorf("the last file holds %q, %v", text, err)
				}
			}
			fsck(t, repo)
		})
	}
}

// TestManyHardLinks: all of them become one object with many names.
func TestManyHardLinks(t *testing.T) {
	count := 10_000
	if long() {
		count = 300_000 // more than ext4 gives a file
	}
	for _, test := range []struct {
		name   string
		count  int
		target func(int) string
	}{
		{"to one file", count, func(int) string { return "file" }},
		{"each to the one before", 5000, func(i int) string { return fmt.Sprintf("link%d", i-1) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			items := []item{fileItem("file", "content"), linkItem("link0", "file")}
			for i := 1; i < test.count; i++ {
				items = append(items, linkItem(fmt.Sprintf("link%d", i), test.target(i)))
			}
			store, repo := newStore(t)
			dir := checkout(t, store, repo, pull(t, store, image(t, gz(t, items...))))
			if list := listing(t, dir); len(list) != len(items) || !slices.Contains(list, fmt.Sprintf("link%d=content", test.count-1)) {
				t.Errorf("%d files, the last is %q", len(list), list[len(list)-1])
			}
			fsck(t, repo)
		})
	}
}

// TestManyLayers is what a builder without limits makes of a long script.
func TestManyLayers(t *testing.T) {
	count := 300
	if long() {
		count = 3000
	}
	var stack []testLayer
	for i := range count {
		stack = append(stack, gz(t, fileItem(fmt.Sprintf("f%d", i), "x"), fileItem("last", fmt.Sprint(i))))
	}
	store, repo := storeOn(t, scratchFS(t, 600))
	dir := checkout(t, store, repo, pull(t, store, image(t, stack...)))
	last, err := os.ReadFile(filepath.Join(dir, "last"))
	if list := listing(t, dir); err != nil || len(list) != count+1 || string(last) != fmt.Sprint(count-1) {
		t.Errorf("%d files, the last layer was %q, %v", len(list), last, err)
	}
	fsck(t, repo)
}
