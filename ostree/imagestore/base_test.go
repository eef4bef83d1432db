package imagestore_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
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

// What layers were merged to stays for as long as an image consists of them.
func TestMergedLayersGoWithTheirImages(t *testing.T) {
	one, two := gz(t, fileItem("f", "1")), gz(t, fileItem("g", "2"))
	store, repo := newStore(t)
	l := newLayout(t)
	lower := pull(t, store, l.tag(t, "lower", l.manifest(t, runtime.GOARCH, one)))
	config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}, Author: "another"}
	pull(t, store, l.tag(t, "same", l.configured(t, config, one)))
	upper := pull(t, store, l.tag(t, "upper", l.manifest(t, runtime.GOARCH, one, two)))
	stacks := func() int {
		return strings.Count(run(t, "ostree", "--repo="+repo, "refs", "--list", "stack"), "\n")
	}
	if n := stacks(); n != 2 {
		t.Errorf("%d are kept of three images, two of which have the same layers", n)
	}
	do(t, store.Remove(t.Context(), lower.Reference))
	do(t, store.Remove(t.Context(), upper.Reference))
	if n := stacks(); n != 1 {
		t.Errorf("%d are kept for one image", n)
	}
	fsck(t, repo)
}
