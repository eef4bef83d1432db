package ostree_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// leaveStaged leaves what a process leaves that is killed in a transaction: a
// staging folder that nobody has locked, with a commit in it.
func leaveStaged(t *testing.T, repo *ostree.Repo) (folder string) {
	t.Helper()
	txn := begin(t, repo)
	meta := must(txn.WriteDirMeta(ostree.Meta{Mode: dir | 0o755}))(t)
	tree := ostree.NewTree(meta)
	big := bytes.Repeat([]byte("large"), 1000)
	tree.Files["big"] = must(txn.WriteStream(ostree.Meta{Mode: file | 0o644}, int64(len(big)), bytes.NewReader(big), make([]byte, 512)))(t)
	must(txn.WriteCommit(ostree.CommitSpec{Subject: "unfinished", Root: must(txn.WriteTree(tree))(t)}))(t)
	locks := must(filepath.Glob(filepath.Join(repo.Path(), "tmp", "staging-syscontainer-*-lock")))(t)
	if len(locks) != 1 {
		t.Fatalf("locks of staging folders: %q", locks)
	}
	folder = filepath.Join(repo.Path(), "tmp", "staging-syscontainer-killed")
	if err := os.CopyFS(folder, os.DirFS(strings.TrimSuffix(locks[0], "-lock"))); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestNothingIsInherited: nobody knows whether what a killed transaction staged is whole.
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
	lock := filepath.Join(repo.Path(), "tmp", "staging-syscontainer-gone-lock")
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

// TestNobodyDropsWhatIsInUse: every transaction removes what the killed have left, and takes nobody for one of them.
func TestNobodyDropsWhatIsInUse(t *testing.T) {
	repo := newRepo(t)
	var group sync.WaitGroup
	for worker := range 8 {
		other := open(t, repo.Path())
		group.Go(func() {
			for i := range 30 {
				txn, err := other.Begin(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				_, werr := txn.WriteFile(ostree.Meta{Mode: file | 0o644}, fmt.Append(nil, worker, i))
				if err := errors.Join(werr, txn.Commit(t.Context()), txn.Abort()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if left := must(filepath.Glob(filepath.Join(repo.Path(), "tmp", "staging-*")))(t); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if pruned := must(repo.Prune(t.Context()))(t); pruned.Objects != 240 {
		t.Errorf("%d objects were committed", pruned.Objects)
	}
}
