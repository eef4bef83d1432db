package imagestore_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rootObject is the file of a commit's top directory.
func rootObject(t *testing.T, repo, commit string) string {
	t.Helper()
	fields := strings.Fields(run(t, "ostree", "--repo="+repo, "ls", "-d", "-C", commit, "/")) // mode, owners, size, content, metadata, path
	sum := fields[4]
	return filepath.Join(repo, "objects", sum[:2], sum[2:]+".dirtree")
}

// An image that consists of another one and more layers is made of the other one,
// unless that is damaged.
func TestImageOnTopOfAnother(t *testing.T) {
	one := gz(t, dirItem("a", 0o755), fileItem("a/f", "1"), fileItem("a/g", "2"))
	two := gz(t, dirItem("b", 0o755), fileItem("b/f", "3"))
	three := gz(t, dirItem("a", 0o700), fileItem("a/.wh.g", ""), fileItem("c", "4"))
	want := listing(t, func() string {
		store, repo := newStore(t)
		return checkout(t, store, repo, pull(t, store, image(t, one, two, three)))
	}())
	for _, damaged := range []string{"", "damaged"} {
		t.Run(damaged, func(t *testing.T) {
			store, repo := newStore(t)
			lower := rootObject(t, repo, pull(t, store, image(t, one, two)).Commit)
			if damaged != "" {
				do(t, os.Remove(lower))
			}
			img := pull(t, store, image(t, one, two, three))
			if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, want) {
				t.Errorf("%q\nwant %q", got, want)
			}
			if damaged == "" {
				fsck(t, repo)
			}
		})
	}
}
