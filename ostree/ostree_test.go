package ostree_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/ostree"
)

const file, dir = ostree.TypeFile, ostree.TypeDir

func newRepo(t *testing.T) *ostree.Repo {
	t.Helper()
	path := filepath.Join(t.TempDir(), "repo")
	if err := ostree.Create(path); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func open(t *testing.T, path string) *ostree.Repo {
	t.Helper()
	repo, err := ostree.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	return repo
}

func begin(t *testing.T, repo *ostree.Repo) *ostree.Txn {
	t.Helper()
	txn, err := repo.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { txn.Abort() })
	return txn
}

// must returns a result that came without an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fsck asks ostree itself whether every object is what its name says.
func fsck(t *testing.T, repo *ostree.Repo) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ostree", "fsck", "--repo="+repo.Path()).CombinedOutput()
	if err != nil {
		t.Fatalf("ostree fsck: %v\n%s", err, out)
	}
}

// objects lists the files below objects/ and what a transaction leaves in tmp/.
func objects(t *testing.T, repo *ostree.Repo) []string {
	t.Helper()
	var list []string
	for _, top := range []string{"objects", "tmp"} {
		err := filepath.WalkDir(filepath.Join(repo.Path(), top), func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				list = append(list, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// commitTree commits a tree with one file of each kind that matters.
func commitTree(t *testing.T, repo *ostree.Repo, ref string) ostree.Checksum {
	t.Helper()
	txn := begin(t, repo)
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	sub := must(txn.WriteDirMeta(ostree.Meta{UID: 7, GID: 8, Mode: dir | 0o1777, Xattrs: []ostree.Xattr{{Name: "user.d", Value: []byte("dir")}}}))(t)
	tree := ostree.NewTree(meta)
	tree.Dirs["sub"] = ostree.NewTree(sub)
	tree.Files["empty"] = must(txn.WriteFile(ostree.Meta{Mode: file | 0o644}, nil))(t)
	tree.Files["plain"] = must(txn.WriteFile(ostree.Meta{UID: 1, GID: 2, Mode: file | 0o640}, []byte("hello")))(t)
	tree.Files["link"] = must(txn.WriteSymlink(ostree.Meta{UID: 3}, "sub/../plain"))(t)
	tree.Dirs["sub"].Files["setuid"] = must(txn.WriteFile(ostree.Meta{Mode: file | 0o4755, Xattrs: []ostree.Xattr{
		{Name: "user.z", Value: []byte("last")},
		{Name: "security.capability", Value: []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
		{Name: "user.empty"},
	}}, []byte("suid")))(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	tree.Files["big"] = must(txn.WriteStream(ostree.Meta{UID: 9, Mode: file | 0o600}, int64(len(big)), bytes.NewReader(big), make([]byte, 1<<16)))(t)
	tree.Files["big-setuid"] = must(txn.WriteStream(ostree.Meta{Mode: file | 0o4711, UID: 4, Xattrs: []ostree.Xattr{
		{Name: "user.z", Value: []byte("last")}, {Name: "user.a", Value: []byte("first")},
	}}, int64(len(big)), bytes.NewReader(big), make([]byte, 999)))(t)
	if same := must(txn.WriteFile(ostree.Meta{UID: 9, Mode: file | 0o600}, big))(t); same != tree.Files["big"] {
		t.Errorf("streamed %s, written at once %s", tree.Files["big"], same)
	}
	root := must(txn.WriteTree(tree))(t)
	commit := must(txn.WriteCommit(ostree.CommitSpec{Subject: "test", Root: root, Metadata: map[string][]byte{
		"syscontainer.a": []byte("one"), "syscontainer.empty": {},
	}}))(t)
	txn.SetRef(ref, commit)
	if err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return commit
}

func TestCommitAndCheckout(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "image/a_2fb")
	fsck(t, repo)
	if got := must(repo.Ref("image/a_2fb"))(t); got != commit {
		t.Errorf("ref is %s, want %s", got, commit)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := repo.Checkout(t.Context(), commit, out); err != nil {
		t.Fatal(err)
	}
	tree := must(repo.ReadTree(t.Context(), commit))(t)
	sameInode(t, repo, tree.Files["plain"], filepath.Join(out, "plain"))
	sameInode(t, repo, tree.Files["big"], filepath.Join(out, "big"))
	sameInode(t, repo, tree.Dirs["sub"].Files["setuid"], filepath.Join(out, "sub/setuid"))
	if target := must(os.Readlink(filepath.Join(out, "link")))(t); target != "sub/../plain" {
		t.Errorf("link points to %q", target)
	}
	info := must(os.Stat(filepath.Join(out, "sub/setuid")))(t)
	if info.Mode() != fs.ModeSetuid|0o755 {
		t.Errorf("setuid file has mode %v", info.Mode())
	}
	value := make([]byte, 64)
	n := must(syscall.Getxattr(filepath.Join(out, "sub/setuid"), "security.capability", value))(t)
	if n != 20 {
		t.Errorf("security.capability has %d bytes", n)
	}
}

func sameInode(t *testing.T, repo *ostree.Repo, sum ostree.Checksum, path string) {
	t.Helper()
	hex := sum.String()
	object := must(os.Stat(filepath.Join(repo.Path(), "objects", hex[:2], hex[2:]+".file")))(t)
	out := must(os.Stat(path))(t)
	if !os.SameFile(object, out) {
		t.Errorf("%s is not a hard link to its object", path)
	}
}

func TestReadBack(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "r")
	loaded := must(repo.LoadCommit(commit, "syscontainer.a", "syscontainer.empty", "absent"))(t)
	if string(loaded.Value("syscontainer.a")) != "one" || loaded.Value("absent") != nil {
		t.Errorf("metadata: %q, absent %q", loaded.Value("syscontainer.a"), loaded.Value("absent"))
	}
	tree := must(repo.ReadTree(t.Context(), commit))(t)
	f := must(repo.LoadFile(t.Context(), tree.Dirs["sub"].Files["setuid"]))(t)
	defer f.Close()
	if f.Mode != file|0o4755 || f.Size != 4 || len(f.Xattrs) != 2 {
		t.Errorf("setuid file: %+v", f)
	}
	link := must(repo.LoadFile(t.Context(), tree.Files["link"]))(t)
	if link.Target != "sub/../plain" || link.UID != 3 || link.Content != nil {
		t.Errorf("link: %+v", link)
	}
	meta := must(repo.LoadDirMeta(tree.Dirs["sub"].Meta))(t)
	if meta.UID != 7 || meta.GID != 8 || meta.Mode != dir|0o1777 || len(meta.Xattrs) != 1 || string(meta.Xattrs[0].Value) != "dir" {
		t.Errorf("directory: %+v", meta)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	repo := newRepo(t)
	before := objects(t, repo)
	txn := begin(t, repo)
	must(txn.WriteFile(ostree.Meta{Mode: file | 0o644}, []byte("x")))(t)
	txn.SetRef("gone", ostree.Checksum{1})
	if err := txn.Abort(); err != nil {
		t.Fatal(err)
	}
	if after := objects(t, repo); len(after) != len(before) {
		t.Errorf("left behind: %q, before: %q", after, before)
	}
	if _, err := repo.Ref("gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ref after abort: %v", err)
	}
	if _, err := txn.WriteFile(ostree.Meta{Mode: file | 0o644}, nil); !errors.Is(err, ostree.ErrFinished) {
		t.Errorf("write after abort: %v", err)
	}
}

func TestConcurrentWriters(t *testing.T) {
	repo := newRepo(t)
	txn := begin(t, repo)
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	tree := ostree.NewTree(meta)
	var mu sync.Mutex
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				// Half of the contents are written by every worker at once.
				content := fmt.Appendf(nil, "%d %d", i, worker*(i%2))
				sum, err := txn.WriteFile(ostree.Meta{Mode: file | 0o644}, content)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				tree.Files[fmt.Sprintf("%d-%d", worker, i)] = sum
				mu.Unlock()
			}
		})
	}
	group.Wait()
	root := must(txn.WriteTree(tree))(t)
	txn.SetRef("r", must(txn.WriteCommit(ostree.CommitSpec{Root: root}))(t))
	if err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	fsck(t, repo)
}

func TestPruneKeepsWhatRefsReach(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "keep/1")
	if err := repo.SetRef(t.Context(), "keep/2", commit); err != nil {
		t.Fatal(err)
	}
	if err := repo.DeleteRef(t.Context(), "keep/1"); err != nil {
		t.Fatal(err)
	}
	if err := repo.DeleteRef(t.Context(), "keep/1"); err != nil {
		t.Errorf("deleting a ref twice: %v", err)
	}
	if pruned := must(repo.Prune(t.Context()))(t); pruned.Objects != 0 {
		t.Errorf("pruned %d objects in use", pruned.Objects)
	}
	fsck(t, repo)
	if err := repo.DeleteRef(t.Context(), "keep/2"); err != nil {
		t.Fatal(err)
	}
	must(repo.Prune(t.Context()))(t)
	if left := objects(t, repo); len(left) != 0 {
		t.Errorf("left after pruning everything: %q", left)
	}
}

func TestRefs(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "image/x")
	if err := repo.SetRef(t.Context(), "container/etcd/3", commit); err != nil {
		t.Fatal(err)
	}
	refs := must(repo.Refs(t.Context(), "container/"))(t)
	if len(refs) != 1 || refs["container/etcd/3"] != commit {
		t.Errorf("refs: %v", refs)
	}
	if err := repo.SetRef(t.Context(), "../evil", commit); err == nil {
		t.Error("a ref outside of the repo was accepted")
	}
}

// TestWhyThereIsNoLock: libostree does not tell.
func TestWhyThereIsNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "repo")
	if err := ostree.Create(path); err != nil {
		t.Fatal(err)
	}
	repo := open(t, path)
	lock := filepath.Join(path, ".lock")
	if err := errors.Join(os.RemoveAll(lock), os.Mkdir(lock, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Lock(t.Context()); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("error %v", err)
	}
}

func TestLockExcludes(t *testing.T) {
	repo := newRepo(t)
	unlock := must(repo.Lock(t.Context()))(t)
	other := open(t, repo.Path())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.Begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a transaction during a lock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, other).Abort(); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	if _, err := ostree.Open(t.Context(), filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening no repo: %v", err)
	}
	err := ostree.Create(filepath.Join(t.TempDir(), "no", "parent"))
	if err == nil || strings.Contains(err.Error(), ".go:") {
		t.Errorf("creating without a parent: %v", err)
	}
	repo := newRepo(t)
	var e *ostree.Error
	if _, err := repo.LoadCommit(ostree.Checksum{1}); !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("loading an absent commit: %v", err)
	}
	txn := begin(t, repo)
	if _, err := txn.WriteStream(ostree.Meta{Mode: file | 0o644}, 10, strings.NewReader("short"), make([]byte, 4)); err == nil {
		t.Error("a stream that ends early was accepted")
	}
}

func TestCancel(t *testing.T) {
	repo := newRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	txn := must(repo.Begin(ctx))(t)
	defer txn.Abort()
	cancel()
	content := make([]byte, 1<<20)
	for range 3 {
		rand.Read(content)
		if _, err := txn.WriteFile(ostree.Meta{Mode: file | 0o644}, content); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Error("writing went on after its context had ended")
}

// TestManyStreams: what is streamed is the same object as what is written at once.
func TestManyStreams(t *testing.T) {
	repo := newRepo(t)
	txn := begin(t, repo)
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	tree := ostree.NewTree(meta)
	for i := range 520 {
		content := fmt.Sprint("content ", i)
		sum := must(txn.WriteStream(ostree.Meta{Mode: file | 0o644}, int64(len(content)), strings.NewReader(content), make([]byte, 5)))(t)
		if same := must(txn.WriteFile(ostree.Meta{Mode: file | 0o644}, []byte(content)))(t); same != sum {
			t.Fatalf("stream %d: %s, as a file %s", i, sum, same)
		}
		tree.Files[fmt.Sprint(i)] = sum
	}
	root := must(txn.WriteTree(tree))(t)
	txn.SetRef("r", must(txn.WriteCommit(ostree.CommitSpec{Root: root}))(t))
	if err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	fsck(t, repo)
}

// TestFailedWriteFailsAll: another writer may count on an object whose first writer failed.
func TestFailedWriteFailsAll(t *testing.T) {
	repo := newRepo(t)
	txn := begin(t, repo)
	attrs := []ostree.Xattr{{Name: "no.such.namespace", Value: []byte("x")}}
	if _, err := txn.WriteFile(ostree.Meta{Mode: file | 0o644, Xattrs: attrs}, []byte("x")); err == nil {
		t.Fatal("an impossible attribute was set")
	}
	if err := txn.Commit(t.Context()); !errors.Is(err, ostree.ErrIncomplete) {
		t.Errorf("committing what lacks an object: %v", err)
	}
}

// TestCommitIsThatOfOstree: the commit objects that ostree itself writes are the same.
func TestCommitIsThatOfOstree(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "r")
	tree := filepath.Join(t.TempDir(), "tree")
	if err := repo.Checkout(t.Context(), commit, tree); err != nil {
		t.Fatal(err)
	}
	txn := begin(t, repo)
	root := must(txn.WriteTree(must(repo.ReadTree(t.Context(), commit))(t)))(t)
	ours := must(txn.WriteCommit(ostree.CommitSpec{Subject: "the same", Root: root, Time: time.Unix(1234567890, 0)}))(t)
	out, err := exec.CommandContext(t.Context(), "ostree", "commit", "--repo="+repo.Path(), "--subject=the same", "--branch=theirs",
		"--timestamp=@1234567890", "--no-bindings", tree).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != ours.String() {
		t.Errorf("ostree's commit is %s, ours %s; %v", out, ours, err)
	}
}

// TestTransactionsAtOnce: several are open in one repo, with objects in common, and are committed together.
func TestTransactionsAtOnce(t *testing.T) {
	repo := newRepo(t)
	commitTree(t, repo, "before")
	var txns []*ostree.Txn
	for i := range 3 {
		txn := begin(t, repo)
		tree := ostree.NewTree(must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t))
		for j := range 50 {
			name := fmt.Sprint(j * (1 + i%2))
			tree.Files[name] = must(txn.WriteFile(ostree.Meta{Mode: file | 0o644}, []byte(name)))(t)
		}
		txn.SetRef(fmt.Sprint("r/", i), must(txn.WriteCommit(ostree.CommitSpec{Root: must(txn.WriteTree(tree))(t)}))(t))
		txns = append(txns, txn)
	}
	if err := ostree.PrepareAll(t.Context(), txns[1:]...); err != nil {
		t.Fatal(err)
	}
	must(txns[2].WriteFile(ostree.Meta{Mode: file | 0o644}, []byte("late")))(t)
	txns[2].SetRef("r/late", must(repo.Ref("before"))(t))
	if err := ostree.CommitAll(t.Context(), txns...); err != nil {
		t.Fatal(err)
	}
	fsck(t, repo)
	if refs := must(repo.Refs(t.Context(), "r/"))(t); len(refs) != 4 {
		t.Errorf("refs: %v", refs)
	}
	if left := must(os.ReadDir(filepath.Join(repo.Path(), "tmp")))(t); len(left) != 1 { // libostree's cache
		t.Errorf("left in tmp: %v", left)
	}
}
