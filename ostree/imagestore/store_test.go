package imagestore_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

func pull(t testing.TB, store *imagestore.Store, ref string) imagestore.Image {
	t.Helper()
	img, err := store.Pull(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// checkout checks an image out and returns the directory.
func checkout(t testing.TB, store *imagestore.Store, repo string, img imagestore.Image) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(repo), "rootfs")
	if err := store.Checkout(t.Context(), img.Commit, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fsck(t testing.TB, repo string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ostree", "fsck", "--repo="+repo).CombinedOutput(); err != nil {
		t.Fatalf("ostree fsck: %v\n%s", err, out)
	}
}

// listing is every file below dir, with the content of small ones.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		line := strings.TrimPrefix(p, dir+"/")
		switch {
		case d.IsDir():
			line += "/"
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(p)
			line += " -> " + target
		case !d.Type().IsRegular():
			line += " " + d.Type().String()
		default:
			content, _ := os.ReadFile(p)
			line += "=" + string(content)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func objectCount(t testing.TB, repo string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(repo, "objects"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMerge pulls stacks of layers and looks at what a checkout shows.
func TestMerge(t *testing.T) {
	for _, test := range []struct {
		name   string
		layers [][]item
		want   []string
	}{
		{"one layer", [][]item{{dirItem("./", 0o755), dirItem("./a/", 0o755), fileItem("./a/f", "1"), symlinkItem("l", "a/f")}},
			[]string{"a/", "a/f=1", "l -> a/f"}},
		{"no layer", nil, nil},
		{"empty layer", [][]item{{}}, nil},
		{"whiteout", [][]item{{dirItem("a", 0o755), fileItem("a/f", "1"), fileItem("a/g", "2")}, {dirItem("a", 0o755), fileItem("a/.wh.f", "")}},
			[]string{"a/", "a/g=2"}},
		{"whiteout of a tree", [][]item{{dirItem("a", 0o755), fileItem("a/f", "1")}, {fileItem(".wh.a", "")}}, nil},
		{"whiteout of nothing", [][]item{{fileItem("f", "1")}, {fileItem(".wh.x", ""), fileItem("q/.wh.y", "")}}, []string{"f=1"}},
		{"whiteout and a new entry", [][]item{{fileItem("f", "1")}, {fileItem("f", "2"), fileItem(".wh.f", "")}}, []string{"f=2"}},
		{"whiteout, then a new entry", [][]item{{dirItem("d", 0o755), fileItem("d/old", "1")}, {fileItem(".wh.d", ""), dirItem("d", 0o755), fileItem("d/new", "2")}},
			[]string{"d/", "d/new=2"}},
		{"opaque", [][]item{{dirItem("a", 0o755), fileItem("a/f", "1")}, {dirItem("a", 0o755), fileItem("a/g", "2"), fileItem("a/.wh..wh..opq", "")}},
			[]string{"a/", "a/g=2"}},
		{"opaque root", [][]item{{fileItem("f", "1")}, {fileItem(".wh..wh..opq", ""), fileItem("g", "2")}}, []string{"g=2"}},
		{"file over directory", [][]item{{dirItem("a", 0o755), fileItem("a/f", "1")}, {fileItem("a", "2")}}, []string{"a=2"}},
		{"directory over file", [][]item{{fileItem("a", "1")}, {dirItem("a", 0o755), fileItem("a/f", "2")}}, []string{"a/", "a/f=2"}},
		{"directory keeps what is below", [][]item{{dirItem("a", 0o755), fileItem("a/f", "1")}, {dirItem("a", 0o700)}}, []string{"a/", "a/f=1"}},
		{"duplicates", [][]item{{fileItem("a", "1"), fileItem("a", "2"), dirItem("d", 0o755), dirItem("d", 0o700), fileItem("d/x", "")}}, []string{"a=2", "d/", "d/x="}},
		{"changes within a layer", [][]item{{dirItem("a", 0o755), fileItem("a/x", "low")}, {fileItem("a", "1"), dirItem("a", 0o755), fileItem("a/f", "2")}}, []string{"a/", "a/f=2"}},
		{"missing parents", [][]item{{fileItem("a/b/c", "1")}}, []string{"a/", "a/b/", "a/b/c=1"}},
		{"absolute and doubled slashes", [][]item{{fileItem("/a//./b", "1")}}, []string{"a/", "a/b=1"}},
		{"hard link", [][]item{{fileItem("a", "1"), linkItem("b", "./a")}}, []string{"a=1", "b=1"}},
		{"hard link keeps the old content", [][]item{{fileItem("a", "1"), linkItem("b", "a"), fileItem("a", "2")}}, []string{"a=2", "b=1"}},
		{"hard link into a lower layer", [][]item{{fileItem("a", "1")}, {linkItem("b", "a")}}, []string{"a=1", "b=1"}},
		{"hard link to a symlink", [][]item{{symlinkItem("a", "x"), linkItem("b", "a")}}, []string{"a -> x", "b -> x"}},
		{"hard link before its target is replaced", [][]item{{fileItem("a", "1")}, {linkItem("b", "a"), fileItem("a", "2")}}, []string{"a=2", "b=1"}},
		{"symlink below, in the same layer", [][]item{{dirItem("real", 0o755), symlinkItem("l", "real"), fileItem("l/f", "1")}},
			[]string{"l -> real", "real/", "real/f=1"}},
		{"symlink below, in a lower layer", [][]item{{dirItem("usr", 0o755), dirItem("usr/lib", 0o755), symlinkItem("lib", "usr/lib")}, {fileItem("lib/f", "1")}},
			[]string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/f=1"}},
		{"symlink replaced by a directory", [][]item{{dirItem("usr", 0o755), symlinkItem("lib", "usr")}, {dirItem("lib", 0o755), fileItem("lib/f", "1")}},
			[]string{"lib/", "lib/f=1", "usr/"}},
		{"symlink that points out", [][]item{{symlinkItem("up", "../../.."), fileItem("up/f", "1"), symlinkItem("abs", "/etc"), fileItem("abs/g", "2")}},
			[]string{"abs -> /etc", "etc/", "etc/g=2", "f=1", "up -> ../../.."}},
		{"devices", [][]item{{fileItem("dev0", "1")}, {
			{Header: tar.Header{Typeflag: tar.TypeChar, Name: "dev0", Mode: 0o600}}, {Header: tar.Header{Typeflag: tar.TypeFifo, Name: "fifo"}}, fileItem("f", "2")}},
			[]string{"f=2"}},
		{"aufs", [][]item{{fileItem(".wh..wh.aufs", ""), dirItem(".wh..wh.plnk", 0o755), fileItem("f", "1")}}, []string{"f=1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var layers []testLayer
			for i, items := range test.layers {
				// Each format in turn.
				layers = append(layers, []func(testing.TB, ...item) testLayer{gz, zst, plainLayer}[i%3](t, items...))
			}
			store, repo := newStore(t)
			ref := image(t, layers...)
			img := pull(t, store, ref)
			if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, test.want) {
				t.Errorf("checkout\n got %q\nwant %q", got, test.want)
			}
			fsck(t, repo)
			// Once more from what the repo holds: a new image of the same layers.
			l := newLayout(t)
			again := pull(t, store, l.tag(t, "again", l.manifest(t, "", layers...)))
			if again.Commit == img.Commit {
				t.Error("two images have one commit")
			}
			if err := os.RemoveAll(filepath.Join(filepath.Dir(repo), "rootfs")); err != nil {
				t.Fatal(err)
			}
			if got := listing(t, checkout(t, store, repo, again)); !slices.Equal(got, test.want) {
				t.Errorf("from stored layers\n got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	capability := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	long := strings.Repeat("n", 255)
	ref := image(t, gz(t,
		item{Header: tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o711, Uid: 5}},
		item{Header: tar.Header{Typeflag: tar.TypeReg, Name: "suid", Mode: 0o4755, Uid: 1, Gid: 2,
			PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.x": "\x00bin", "SCHILY.xattr.security.selinux": "x"}}, content: "s"},
		item{Header: tar.Header{Typeflag: tar.TypeDir, Name: "tmp", Mode: 0o1777}},
		item{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: strings.Repeat("t", 4000), Uid: 3, Gid: 4}},
		fileItem(long, "long"),
		fileItem("big", strings.Repeat("0123456789abcdef", 1<<17)),
	))
	store, repo := newStore(t)
	dir := checkout(t, store, repo, pull(t, store, ref))
	fsck(t, repo)
	for name, want := range map[string]struct {
		mode     fs.FileMode
		uid, gid uint32
	}{
		".": {fs.ModeDir | 0o711, 5, 0}, "suid": {fs.ModeSetuid | 0o755, 1, 2}, "tmp": {fs.ModeDir | fs.ModeSticky | 0o777, 0, 0},
		"l": {fs.ModeSymlink | 0o777, 3, 4}, long: {0o644, 0, 0},
	} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		stat := info.Sys().(*syscall.Stat_t)
		if info.Mode() != want.mode || stat.Uid != want.uid || stat.Gid != want.gid {
			t.Errorf("%.10s: %v %d:%d, want %v", name, info.Mode(), stat.Uid, stat.Gid, want)
		}
	}
	value := make([]byte, 100)
	n, err := syscall.Getxattr(filepath.Join(dir, "suid"), "security.capability", value)
	if err != nil || string(value[:n]) != capability {
		t.Errorf("security.capability: %q, %v", value[:max(n, 0)], err)
	}
	if n, err = syscall.Getxattr(filepath.Join(dir, "suid"), "user.x", value); err != nil || string(value[:n]) != "\x00bin" {
		t.Errorf("user.x: %q, %v", value[:max(n, 0)], err)
	}
	big, err := os.ReadFile(filepath.Join(dir, "big"))
	if err != nil || !bytes.Equal(big, bytes.Repeat([]byte("0123456789abcdef"), 1<<17)) {
		t.Errorf("the big file differs: %d bytes, %v", len(big), err)
	}
}

func TestPullTwice(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	ref := l.tag(t, "latest", l.manifest(t, "", gz(t, fileItem("f", "1"))))
	first := pull(t, store, ref)
	if !first.Added || first.Reference != ref {
		t.Errorf("first pull: %+v", first)
	}
	// Without its blobs, the layout can serve the manifest and nothing else.
	manifest := filepath.Join(l.dir, "blobs/sha256", strings.TrimPrefix(first.Digest, "sha256:"))
	kept, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := filepath.Glob(filepath.Join(l.dir, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range blobs {
		if blob != manifest && filepath.Base(blob) != configDigest(kept) {
			os.Remove(blob)
		}
	}
	before := listing(t, repo)
	second := pull(t, store, ref)
	if second.Added || second.Commit != first.Commit || second.Digest != first.Digest {
		t.Errorf("second pull: %+v\nfirst %+v", second, first)
	}
	if after := listing(t, repo); !slices.Equal(before, after) {
		t.Errorf("the second pull changed the repo:\n%q\n%q", before, after)
	}
}

// configDigest finds the hex of the config's digest in a manifest.
func configDigest(manifest []byte) string {
	_, rest, _ := strings.Cut(string(manifest), `"config":`)
	_, rest, _ = strings.Cut(rest, "sha256:")
	return rest[:64]
}

func TestSharedLayer(t *testing.T) {
	store, repo := newStore(t)
	base := gz(t, dirItem("a", 0o755), fileItem("a/f", "shared"))
	l := newLayout(t)
	pull(t, store, l.tag(t, "one", l.manifest(t, "", base)))
	before := objectCount(t, repo)
	two := pull(t, store, l.tag(t, "two", l.manifest(t, runtime.GOARCH, base)))
	if after := objectCount(t, repo); after != before+1 {
		t.Errorf("a second image of the same layer added %d objects, want its commit alone", after-before)
	}
	images, err := store.List(t.Context())
	if err != nil || len(images) != 2 {
		t.Fatalf("list: %v, %v", images, err)
	}
	if err := store.Remove(t.Context(), images[0].Reference); err != nil {
		t.Fatal(err)
	}
	if after := objectCount(t, repo); after != before {
		t.Errorf("%d objects after removing one image, want %d", after, before)
	}
	if got := listing(t, checkout(t, store, repo, two)); !slices.Equal(got, []string{"a/", "a/f=shared"}) {
		t.Errorf("the other image: %q", got)
	}
	fsck(t, repo)
}

func TestHoldKeepsAnImage(t *testing.T) {
	store, repo := newStore(t)
	img := pull(t, store, image(t, gz(t, fileItem("f", "1"))))
	if err := store.Hold(t.Context(), "etcd/3", img.Commit); err != nil {
		t.Fatal(err)
	}
	var used *imagestore.InUseError
	if err := store.Remove(t.Context(), img.Reference); !errors.As(err, &used) || !slices.Equal(used.Containers, []string{"etcd"}) {
		t.Fatalf("removing an image in use: %v", err)
	}
	if err := store.Undo(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find(t.Context(), img.Reference); !errors.Is(err, imagestore.ErrNotFound) {
		t.Errorf("find after remove: %v", err)
	}
	if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, []string{"f=1"}) {
		t.Errorf("held image: %q", got)
	}
	for range 2 {
		if err := store.Release(t.Context(), "etcd/3"); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Hold(t.Context(), "../x", img.Commit); err == nil {
		t.Error("held under a bad name")
	}
	if err := store.Hold(t.Context(), "x/1", strings.Repeat("0", 64)); err == nil {
		t.Error("held a commit that does not exist")
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	store, repo := newStore(t)
	img := pull(t, store, image(t, gz(t, fileItem("f", "1"))))
	if err := store.Remove(t.Context(), img.Reference); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repo is still there: %v", err)
	}
	if err := store.Remove(t.Context(), img.Reference); !errors.Is(err, imagestore.ErrNotFound) {
		t.Errorf("removing twice: %v", err)
	}
	if err := store.Release(t.Context(), "etcd/3"); err != nil {
		t.Errorf("releasing without a repo: %v", err)
	}
	if images, err := store.List(t.Context()); err != nil || images != nil {
		t.Errorf("listing without a repo: %v, %v", images, err)
	}
}

func TestCheckoutIsHardLinks(t *testing.T) {
	store, repo := newStore(t)
	img := pull(t, store, image(t, gz(t, fileItem("f", "content"))))
	dir := checkout(t, store, repo, img)
	info, err := os.Stat(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if n := info.Sys().(*syscall.Stat_t).Nlink; n != 2 {
		t.Errorf("f has %d links", n)
	}
	if err := store.Checkout(t.Context(), img.Commit, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("checkout over a directory: %v", err)
	}
	elsewhere := filepath.Join("/dev/shm", filepath.Base(filepath.Dir(dir))+"-other")
	if err := store.Checkout(t.Context(), img.Commit, elsewhere); err == nil {
		t.Error("a checkout to another file system did not fail")
	}
	if _, err := os.Lstat(elsewhere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed checkout left its directory: %v", err)
	}
}
