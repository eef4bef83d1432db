package ostree_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// leaveStaged leaves what a process leaves that is killed in a transaction: a
// staging folder that nobody has locked, with a commit in it, whose large file
// had no name yet and is gone.
func leaveStaged(t *testing.T, repo *ostree.Repo) (folder string) {
	t.Helper()
	txn := begin(t, repo)
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	tree := ostree.NewTree(meta)
	big := bytes.Repeat([]byte("large"), 1000)
	tree.Files["big"] = must(txn.WriteStream(ostree.Meta{Mode: file | 0o644}, int64(len(big)), bytes.NewReader(big), make([]byte, 512)))(t)
	must(txn.WriteCommit(ostree.CommitSpec{Subject: "unfinished", Root: must(txn.WriteTree(tree))(t)}))(t)
	staged := must(filepath.Glob(filepath.Join(repo.Path(), "tmp", "staging-*-??????")))(t)
	if len(staged) != 1 {
		t.Fatalf("staging folders: %q", staged)
	}
	folder = staged[0][:len(staged[0])-len("XXXXXX")] + "killed"
	if err := os.CopyFS(folder, os.DirFS(staged[0])); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestNothingIsInherited: libostree would continue what a killed transaction
// staged, and give a commit its name whose large files are gone.
func TestNothingIsInherited(t *testing.T) {
	repo := newRepo(t)
	folder := leaveStaged(t, repo)
	other := open(t, repo.Path()) // the first one is still at work in a folder of its own
	commitTree(t, other, "r")
	fsck(t, repo)
	if _, err := os.Stat(folder); err == nil {
		t.Error("what the killed transaction staged is still there")
	}
	if err := begin(t, other).Abort(); err != nil {
		t.Error(err)
	}
}

// TestLocksOfTheKilledGo: who is killed between removing a folder and its lock leaves the lock.
func TestLocksOfTheKilledGo(t *testing.T) {
	repo := newRepo(t)
	lock := filepath.Join(repo.Path(), "tmp", "staging-gone-abcdef-lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, repo).Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); err == nil {
		t.Error("the lock is still there")
	}
}
