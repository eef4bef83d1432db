package ostree_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree"
)

// compareAll lists what differs, a line for each.
func compareAll(t *testing.T, repo *ostree.Repo, commit ostree.Checksum, dir string, own ...string) string {
	t.Helper()
	owned := map[string]bool{}
	for _, p := range own {
		owned[p] = true
	}
	var lines []string
	err := repo.NewWalk().Compare(t.Context(), commit, dir, owned, func(d ostree.Difference) {
		lines = append(lines, fmt.Sprintf("%s %s: %s, not %s", d.Path, d.Aspect, d.Have, d.Want))
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// replace makes a file another one with the same content, owner and mode.
func replace(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path, data, 0o600), os.Chown(path, 1, 2), os.Chmod(path, info.Mode()))
}

func TestCompareNamesEveryDifference(t *testing.T) {
	const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for name, test := range map[string]struct {
		harm func(root string) error
		want string
	}{
		"nothing":       {func(string) error { return nil }, ""},
		"the same file": {func(r string) error { return replace(r + "/plain") }, ""},
		"other content": {func(r string) error {
			return errors.Join(replace(r+"/plain"), os.WriteFile(r+"/plain", []byte("x"), 0))
		}, "/plain content: sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881, not " + hello},
		"other mode":  {func(r string) error { return errors.Join(replace(r+"/plain"), os.Chmod(r+"/plain", 0o777)) }, "/plain mode: 0777, not 0640"},
		"other owner": {func(r string) error { return errors.Join(replace(r+"/plain"), os.Chown(r+"/plain", 5, 6)) }, "/plain owner: 5:6, not 1:2"},
		"an attribute": {func(r string) error {
			return errors.Join(replace(r+"/plain"), unix.Setxattr(r+"/plain", "user.x", []byte("A"), 0))
		}, "/plain xattrs: user.x=0x41, not none"},
		"the directory's mode": {func(r string) error { return os.Chmod(r+"/sub", 0o700) }, "/sub mode: 0700, not 1777"},
		"the root's owner":     {func(r string) error { return os.Chown(r, 5, 0) }, "/ owner: 5:0, not 0:0"},
		"a link elsewhere": {func(r string) error {
			return errors.Join(os.Remove(r+"/link"), os.Symlink("x", r+"/link"), os.Lchown(r+"/link", 3, 0))
		}, "/link target: x, not sub/../plain"},
		"no file":                {func(r string) error { return os.Remove(r + "/plain") }, "/plain missing: , not file"},
		"no directory":           {func(r string) error { return os.RemoveAll(r + "/sub") }, "/sub missing: , not directory"},
		"a directory for a file": {func(r string) error { return errors.Join(os.Remove(r+"/plain"), os.Mkdir(r+"/plain", 0o755)) }, "/plain type: directory, not file"},
		"a link for a directory": {func(r string) error { return errors.Join(os.RemoveAll(r+"/sub"), os.Symlink("/", r+"/sub")) }, "/sub type: symlink, not directory"},
		"a fifo for a file":      {func(r string) error { return errors.Join(os.Remove(r+"/plain"), unix.Mkfifo(r+"/plain", 0o600)) }, "/plain type: special file, not file"},
		"a file more":            {func(r string) error { return os.WriteFile(r+"/sub/new", nil, 0o600) }, "/sub/new extra: file, not "},
		"a place to mount": {func(r string) error {
			return errors.Join(os.Mkdir(r+"/own", 0o755), os.WriteFile(r+"/own/file", nil, 0o600))
		}, ""},
		"content in a place to mount": {func(r string) error {
			return errors.Join(os.Mkdir(r+"/own", 0o755), os.WriteFile(r+"/own/file", []byte("x"), 0o600))
		}, "/own/file extra: file, not "},
		"a link as a place to mount": {func(r string) error { return os.Symlink("/", r+"/own") }, "/own extra: symlink, not "},
		"nothing at all":             {os.RemoveAll, "/ missing: , not directory"},
	} {
		t.Run(name, func(t *testing.T) {
			repo := newRepo(t)
			commit := commitTree(t, repo, "image/x")
			root := filepath.Join(filepath.Dir(repo.Path()), "root")
			if err := repo.Checkout(t.Context(), commit, root); err != nil {
				t.Fatal(err)
			}
			if err := test.harm(root); err != nil {
				t.Fatal(err)
			}
			if got := compareAll(t, repo, commit, root, "/own", "/own/file"); got != test.want {
				t.Errorf("found:\n%s\nwant:\n%s", got, test.want)
			}
			fsck(t, repo)
		})
	}
}

func TestCompareTellsTheObjectFromTheFile(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "image/x")
	root := filepath.Join(filepath.Dir(repo.Path()), "root")
	if err := repo.Checkout(t.Context(), commit, root); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/plain", []byte("harmed"), 0); err != nil { // writes to the object
		t.Fatal(err)
	}
	if got := compareAll(t, repo, commit, root); !strings.HasPrefix(got, "/plain object: ") {
		t.Errorf("found:\n%s", got)
	}
	// A sound copy beside a damaged object is no difference of the checkout.
	if err := os.Remove(root + "/plain"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(root+"/plain", []byte("hello"), 0o600), os.Chown(root+"/plain", 1, 2), os.Chmod(root+"/plain", 0o640)); err != nil {
		t.Fatal(err)
	}
	if got := compareAll(t, repo, commit, root); got != "" {
		t.Errorf("found:\n%s", got)
	}
}
