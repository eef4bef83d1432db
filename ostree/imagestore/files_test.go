package imagestore_test

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

func TestFiles(t *testing.T) {
	store, _ := newStore(t)
	img := pull(t, store, image(t, gz(t,
		dirItem("exports", 0o755),
		item{Header: tar.Header{Typeflag: tar.TypeReg, Name: "exports/run", Mode: 0o2755, Uid: 3, Gid: 4,
			PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}}, content: "#!"},
		symlinkItem("link", "/exports/run"), symlinkItem("dir", "exports"), symlinkItem("up", "../../exports/../dir/run"),
		symlinkItem("loop", "loop"), symlinkItem("dangling", "nowhere"), fileItem("empty", ""),
	)))
	files, err := store.Files(t.Context(), img.Commit)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, name := range []string{"exports/run", "link", "dir/run", "up"} {
		if content, err := fs.ReadFile(files, name); err != nil || string(content) != "#!" {
			t.Errorf("%s holds %q, %v", name, content, err)
		}
	}
	info, err := fs.Stat(files, "link")
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := info.Sys().(imagestore.Owner)
	if !ok || owner.UID != 3 || owner.GID != 4 || len(owner.Xattrs) != 1 || info.Mode() != fs.ModeSetgid|0o755 || info.Size() != 2 {
		t.Errorf("link leads to %v %v %+v", info.Mode(), info.Size(), owner)
	}
	if info, err := fs.Lstat(files, "link"); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("lstat: %v, %v", info, err)
	}
	if target, err := fs.ReadLink(files, "dangling"); err != nil || target != "nowhere" {
		t.Errorf("readlink: %q, %v", target, err)
	}
	for _, name := range []string{"nothing", "dangling", "exports/run/x", "empty/x"} {
		if _, err := fs.Stat(files, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of %q: %v", name, err)
		}
	}
	for _, name := range []string{"loop", "../x", "/exports"} {
		if _, err := fs.Stat(files, name); err == nil {
			t.Errorf("stat of %q succeeded", name)
		}
	}
	sub, err := fs.Sub(files, "exports")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "run"); err != nil {
		t.Error(err)
	}
}

// TestConcurrentPulls pulls images that share a layer, from several stores as
// several processes would, and removes some meanwhile.
func TestConcurrentPulls(t *testing.T) {
	_, repo := newStore(t)
	policy := strings.TrimSuffix(repo, "var/lib/syscontainer/repo") + "policy.json"
	shared := gz(t, fileItem("shared", strings.Repeat("x", 5000)))
	var group sync.WaitGroup
	for range 6 {
		own := image(t, shared, gz(t, fileItem("own", t.Name())))
		store := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: t.TempDir()})
		group.Go(func() {
			for range 3 {
				img, err := store.Pull(t.Context(), own)
				if err != nil {
					t.Error(err)
					return
				}
				if err := store.Remove(t.Context(), img.Reference); err != nil {
					t.Error(err)
				}
			}
			if _, err := store.Pull(t.Context(), own); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	store := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: t.TempDir()})
	images, err := store.List(t.Context())
	if err != nil || len(images) != 6 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	fsck(t, repo)
	for _, img := range images {
		dir := t.TempDir() + "/out"
		if err := store.Checkout(t.Context(), img.Commit, dir); err != nil {
			t.Error(err)
		} else if got := len(listing(t, dir)); got != 2 {
			t.Errorf("%s has %d files", img.Reference, got)
		}
		if err := store.Remove(t.Context(), img.Reference); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repo is still there: %v", err)
	}
}

// TestDamagedImage: one image that cannot be read does not hide the others.
func TestDamagedImage(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	good := pull(t, store, l.tag(t, "good", l.manifest(t, "", gz(t, fileItem("f", "1")))))
	bad := pull(t, store, image(t, gz(t, fileItem("f", "2"))))
	object := repo + "/objects/" + bad.Commit[:2] + "/" + bad.Commit[2:] + ".commit"
	if err := os.Remove(object); err != nil {
		t.Fatal(err)
	}
	images, err := store.List(t.Context())
	if err == nil || !slices.ContainsFunc(images, func(i imagestore.Image) bool { return i.Commit == good.Commit }) {
		t.Errorf("list: %v, %v", images, err)
	}
}
