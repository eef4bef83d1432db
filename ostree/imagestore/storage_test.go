package imagestore_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// buildah runs buildah with a container storage of its own below root.
func buildah(t *testing.T, root, driver string, args ...string) string {
	t.Helper()
	cmd := exec.Command("buildah", append([]string{
		"--root", filepath.Join(root, "srv/storage"), "--runroot", filepath.Join(root, "run/storage"), "--storage-driver", driver,
	}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("buildah %q: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// TestContainersStorage: images that buildah made, in the storage that storage.conf
// below the root names, and in one that the reference names.
func TestContainersStorage(t *testing.T) {
	for _, driver := range []string{"vfs", "overlay"} {
		t.Run(driver, func(t *testing.T) { testContainersStorage(t, driver) })
	}
}

func testContainersStorage(t *testing.T, driver string) {
	store, repo := rooted(t, "")
	root := rootOf(repo)
	fails(t, store, repo, "containers-storage:localhost/one", imagestore.ErrUnknown, "no container storage at "+root)
	put(t, repo, "etc/containers/storage.conf", "[storage]\ndriver = \""+driver+"\"\ngraphroot = \"/srv/storage\"\nrunroot = \"/run/storage\"\n")
	fails(t, store, repo, "containers-storage:localhost/one", imagestore.ErrUnknown, filepath.Join(root, "srv/storage"))

	file := filepath.Join(t.TempDir(), "f")
	container := buildah(t, root, driver, "from", "scratch")
	for _, layer := range []string{"one", "two"} {
		writeFile(t, file, []byte(layer))
		buildah(t, root, driver, "copy", "--quiet", container, file, "/"+layer)
		buildah(t, root, driver, "commit", "--quiet", container, "localhost/"+layer)
		buildah(t, root, driver, "rm", container)
		container = buildah(t, root, driver, "from", "localhost/"+layer)
	}
	img := pull(t, store, "containers-storage:localhost/one")
	if !strings.HasPrefix(img.Reference, "containers-storage:["+driver+"@"+root+"/srv/storage") {
		t.Errorf("pulled %+v", img)
	}
	if got := listing(t, checkout(t, store, repo, img)); !slices.Contains(got, "one=one") {
		t.Errorf("the checkout has %q", got)
	}
	if again := pull(t, store, img.Reference); again.Added || again.Commit != img.Commit {
		t.Errorf("by its whole name: %+v", again)
	}
	if again := pull(t, store, "containers-storage:localhost/one"); again.Added {
		t.Errorf("again: %+v", again)
	}
	both := pull(t, store, "containers-storage:["+driver+"@"+root+"/srv/storage+"+root+"/run/storage]localhost/two:latest")
	do(t, os.RemoveAll(filepath.Join(filepath.Dir(repo), "rootfs")))
	if got := listing(t, checkout(t, store, repo, both)); !slices.Contains(got, "two=two") {
		t.Errorf("the checkout has %q", got)
	}
	if _, err := store.Pull(t.Context(), "containers-storage:localhost/none"); !errors.Is(err, imagestore.ErrUnknown) {
		t.Errorf("pulling what is not there: %v", err)
	}
	fsck(t, repo)
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), root) {
		t.Errorf("something stayed mounted: %v\n%s", err, mounts)
	}
}
