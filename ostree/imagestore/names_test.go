package imagestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestFilesWithOddNames: the view of an image shows names and targets as they are.
func TestFilesWithOddNames(t *testing.T) {
	store, _ := newStore(t)
	img := pull(t, store, image(t,
		gz(t, dirItem("d\xff", 0o755), fileItem("d\xff/f\xfe", "content"), fileItem("d\xff/gone\xfd", "")),
		gz(t, fileItem("d\xff/.wh.gone\xfd", ""), symlinkItem("l\xfc", "/d\xff/f\xfe"), linkItem("h\xfb", "d\xff/f\xfe"))))
	files, err := store.Files(t.Context(), img.Commit)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, name := range []string{"d\xff/f\xfe", "l\xfc", "h\xfb"} {
		if content, err := fs.ReadFile(files, name); err != nil || string(content) != "content" {
			t.Errorf("%q holds %q, %v", name, content, err)
		}
	}
	if target, err := fs.ReadLink(files, "l\xfc"); err != nil || target != "/d\xff/f\xfe" {
		t.Errorf("the link points to %q, %v", target, err)
	}
	if info, err := fs.Lstat(files, "l\xfc"); err != nil || info.Size() != int64(len("/d\xff/f\xfe")) || info.Name() != "l\xfc" {
		t.Errorf("the link is %+v, %v", info, err)
	}
	var walked []string
	err = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
		walked = append(walked, name)
		return err
	})
	if want := []string{".", "d\xff", "d\xff/f\xfe", "h\xfb", "l\xfc"}; err != nil || !slices.Equal(walked, want) {
		t.Errorf("walked through %q, %v", walked, err)
	}
	for _, name := range []string{"../\xff", "/d\xff", "d\xff/", "d\xff//f\xfe", "d\xff/gone\xfd"} {
		if _, err := fs.Stat(files, name); err == nil {
			t.Errorf("stat of %q succeeded", name)
		}
	}
}

// TestVerifyShowsOddNames: a report can be printed, and tells where a file is.
func TestVerifyShowsOddNames(t *testing.T) {
	store, repo := newStore(t)
	pull(t, store, image(t, gz(t, dirItem("d\xff", 0o755), fileItem("d\xff/f", "content"))))
	reports, err := store.Verify(t.Context())
	if err != nil || len(reports) != 1 || len(reports[0].Faults) != 0 {
		t.Fatalf("%+v, %v", reports, err)
	}
	objects, err := filepath.Glob(filepath.Join(repo, "objects/*/*.file"))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if content, err := os.ReadFile(object); err != nil || string(content) == "content" {
			if err := errors.Join(err, os.Chmod(object, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	reports, err = store.Verify(t.Context())
	if err != nil || len(reports) != 1 || len(reports[0].Faults) != 2 || !strings.HasPrefix(reports[0].Faults[0], `"/d\xff/f": object`) {
		t.Errorf("%+v, %v", reports, err)
	}
}

// longPath has more bytes than the kernel takes in a path.
func longPath() string {
	return strings.Repeat(strings.Repeat("n", 254)+"/", 40) + strings.Repeat("n", 255)
}

// TestLongPaths: umoci refuses these, so what should be is known here. Nothing of
// ours may use such a path as a whole.
func TestLongPaths(t *testing.T) {
	long := longPath()
	dir := filepath.Dir(long)
	odd := strings.Repeat("\xff", 255)
	want := []string{dir + "/f", dir + "/h", dir + "/l", dir + "/" + odd}
	store, repo := newStore(t)
	layers := []testLayer{
		gz(t, fileItem(long, "1"), fileItem(dir+"/gone", "2"), dirItem(dir+"/"+odd, 0o700)),
		gz(t, linkItem(dir+"/h", long), fileItem(dir+"/.wh.gone", ""), symlinkItem(dir+"/l", strings.Repeat("../", 40)+"top"), fileItem("top", "3"), fileItem(dir+"/f", "4")),
	}
	img := pull(t, store, image(t, layers...))
	fsck(t, repo)
	again := pull(t, store, image(t, layers...)) // of what is stored
	for i, commit := range []string{img.Commit, again.Commit} {
		out := filepath.Join(filepath.Dir(repo), "rootfs"+string(rune('0'+i)))
		if err := store.Checkout(t.Context(), commit, out); err != nil {
			t.Fatal(err)
		}
		tree := treeOf(t, out)
		for _, p := range append(want, long, "top") {
			if tree["./"+p] == "" {
				t.Errorf("%.300q is missing", p)
			}
		}
		if count := 1 + 40 + len(want) + 2; len(tree) != count {
			t.Errorf("%d files and directories, want %d", len(tree), count)
		}
		if err := os.RemoveAll(out); err != nil {
			t.Error(err)
		}
	}
	files, err := store.Files(t.Context(), img.Commit)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for name, content := range map[string]string{long: "1", dir + "/h": "1", dir + "/l": "3"} {
		if got, err := fs.ReadFile(files, name); err != nil || string(got) != content {
			t.Errorf("%.20s… holds %q, %v", name, got, err)
		}
	}
	if reports, err := store.Verify(t.Context(), img.Reference); err != nil || len(reports) != 1 || len(reports[0].Faults) != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
	for _, ref := range []string{img.Reference, again.Reference} {
		if err := store.Remove(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repo is still there: %v", err)
	}
}

// TestLongNames: 255 bytes are possible, of any kind; a whiteout's marker counts
// as a whole.
func TestLongNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("n", 255), strings.Repeat("\xff", 255), strings.Repeat("ü", 127) + "n", ".wh." + strings.Repeat("n", 251)} {
		store, repo := newStore(t)
		checkout(t, store, repo, pull(t, store, image(t, gz(t, fileItem(name, "1"), fileItem("top/"+name+"/f", "2")))))
	}
	for _, name := range []string{strings.Repeat("n", 256), strings.Repeat("\xff", 256), ".wh." + strings.Repeat("n", 252), strings.Repeat("n", 256) + "/f", "d/" + strings.Repeat("n", 1<<16)} {
		store, repo := newStore(t)
		fails(t, store, repo, image(t, gz(t, fileItem(name, "1"))), imagestore.ErrBadImage, "255")
		fails(t, store, repo, image(t, gz(t, fileItem("f", "1"), linkItem("l", name))), imagestore.ErrBadImage, "255")
	}
}
