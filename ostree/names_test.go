package ostree_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree"
)

// standIn is what a repo holds for a name that it cannot hold.
func standIn(name string) string {
	return fmt.Sprintf(".syscontainer-name-%x", sha256.Sum256([]byte(name)))
}

// oddTree has names and targets that no repo can hold, and the names that it
// holds for them.
func oddTree(t *testing.T, txn *ostree.Txn) *ostree.Tree {
	t.Helper()
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	content := must(txn.WriteFile(ostree.Meta{UID: 5, Mode: file | 0o640}, []byte("content")))(t)
	tree, plain, odd := ostree.NewTree(meta), ostree.NewTree(meta), ostree.NewTree(meta)
	tree.Dirs["plain"], plain.Dirs["o\xc0\x80dd"], tree.Dirs["nothing odd"] = plain, odd, ostree.NewTree(meta)
	tree.Dirs["\xf0empty"] = ostree.NewTree(meta)
	for _, name := range []string{"f", "\xff", strings.Repeat("\xfe", 255), standIn("\xff"), standIn(standIn("\xff")), ".syscontainer-name-"} {
		tree.Files[name], odd.Files[name] = content, content
	}
	odd.Dirs[standIn("\xff\xff")], odd.Files["\xff\xff"] = ostree.NewTree(meta), content
	link := ostree.Meta{UID: 3, GID: 4, Xattrs: []ostree.Xattr{{Name: "trusted.l", Value: []byte("of a link")}}}
	for name, target := range map[string]string{
		"to odd": "/\xff", "\xfeodd to odd": strings.Repeat("\xfd", 4095), "\xfe to plain": "f", "to what looks odd": standIn("/\xff"),
	} {
		odd.Files[name] = must(txn.WriteSymlink(link, target))(t)
		odd.SetTarget(name, target)
	}
	if len(odd.Targets) != 2 {
		t.Errorf("targets that are kept: %q", odd.Targets)
	}
	return tree
}

func commitOdd(t *testing.T, repo *ostree.Repo) (ostree.Checksum, *ostree.Tree) {
	t.Helper()
	txn := begin(t, repo)
	tree := oddTree(t, txn)
	root := must(txn.WriteTree(tree))(t)
	commit := must(txn.WriteCommit(ostree.CommitSpec{Root: root}))(t)
	txn.SetRef("odd", commit)
	if err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return commit, tree
}

// TestOddNames: what is not UTF-8 comes back as it was, by every way out.
func TestOddNames(t *testing.T) {
	repo := newRepo(t)
	commit, tree := commitOdd(t, repo)
	fsck(t, repo)
	if got := must(repo.ReadTree(t.Context(), commit))(t); !reflect.DeepEqual(got, tree) {
		t.Errorf("read %+v\nwrote %+v", got, tree)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := repo.Checkout(t.Context(), commit, out); err != nil {
		t.Fatal(err)
	}
	checkOdd(t, repo, tree, out)
	if faults := must(repo.NewWalk().Verify(t.Context(), commit))(t); len(faults) != 0 {
		t.Errorf("faults: %v", faults)
	}
}

// checkOdd compares a checkout with a tree.
func checkOdd(t *testing.T, repo *ostree.Repo, tree *ostree.Tree, at string) {
	t.Helper()
	var names []string
	for _, entry := range must(os.ReadDir(at))(t) {
		names = append(names, entry.Name())
	}
	want := slices.Concat(slices.Collect(maps.Keys(tree.Files)), slices.Collect(maps.Keys(tree.Dirs)))
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("%q holds %q, want %q", at, names, want)
	}
	for name, sum := range tree.Files {
		p := filepath.Join(at, name)
		target, odd := tree.Targets[name]
		info := must(os.Lstat(p))(t)
		if info.Mode().IsRegular() {
			sameInode(t, repo, sum, p)
		}
		if !odd {
			continue
		}
		value := make([]byte, 64)
		n, err := unix.Lgetxattr(p, "trusted.l", value)
		if got, lerr := os.Readlink(p); lerr != nil || got != target || err != nil || string(value[:n]) != "of a link" {
			t.Errorf("%q points to %q, %v; attribute %q, %v", p, got, lerr, value[:n], err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 3 || s.Gid != 4 {
			t.Errorf("%q belongs to %d:%d", p, s.Uid, s.Gid)
		}
	}
	for name, sub := range tree.Dirs {
		checkOdd(t, repo, sub, filepath.Join(at, name))
	}
}

// TestVerifyTellsOddNames: paths of faults are those of the image.
func TestVerifyTellsOddNames(t *testing.T) {
	repo := newRepo(t)
	commit, tree := commitOdd(t, repo)
	hex := tree.Dirs["plain"].Dirs["o\xc0\x80dd"].Files["to odd"].String()
	if err := os.Remove(filepath.Join(repo.Path(), "objects", hex[:2], hex[2:]+".file")); err != nil {
		t.Fatal(err)
	}
	faults := must(repo.NewWalk().Verify(t.Context(), commit))(t)
	if len(faults) != 2 || faults[0].Path != "/plain/o\xc0\x80dd/to odd" || !faults[0].Missing() {
		t.Errorf("faults: %q", faults)
	}
}

// TestPlainNamesCostNothing: a commit is what it was before there were odd names.
func TestPlainNamesCostNothing(t *testing.T) {
	repo := newRepo(t)
	const want = "c0fe99e0763c16c4ba725391f832277588fa60f173dc0f405d7393e23beedb33"
	if commit := commitTree(t, repo, "r"); commit.String() != want {
		t.Errorf("the commit is %s, want %s", commit, want)
	}
}

// TestListThatLies: a commit whose list tells of what is not there is at fault,
// and a checkout of it is none.
func TestListThatLies(t *testing.T) {
	for name, list := range map[string]string{
		"a file": "=\xff\x00", "a directory": "+\xff\x00-\x00", "below": "+sub\x00=\xff\x00-\x00", "a directory that is a file": "+plain\x00-\x00",
		"a file for a link": "@plain\x00\xff\x00", "another target": "@link\x00\xff\x00", "no list": "=\xff", "open": "+sub\x00",
	} {
		repo := newRepo(t)
		tree := must(repo.ReadTree(t.Context(), commitTree(t, repo, "r")))(t)
		txn := begin(t, repo)
		root := must(txn.WriteTree(tree))(t)
		lies := must(txn.WriteCommit(ostree.CommitSpec{Root: root, Metadata: map[string][]byte{"syscontainer.names": []byte(list)}}))(t)
		if err := txn.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		if err := repo.Checkout(t.Context(), lies, out); err == nil || !strings.Contains(err.Error(), "list of names") {
			t.Errorf("%s: checkout: %v", name, err)
		}
		if faults := must(repo.NewWalk().Verify(t.Context(), lies))(t); len(faults) == 0 {
			t.Errorf("%s: no fault", name)
		}
		if target := strings.Contains(list, "@"); !target { // which a tree is read without
			if _, err := repo.ReadTree(t.Context(), lies); err == nil {
				t.Errorf("%s: it was read", name)
			}
		}
	}
}
