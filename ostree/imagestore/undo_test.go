package imagestore_test

import (
	"bytes"
	"os/exec"
	"runtime"
	"slices"
	"testing"
)

// objectsOf lists the objects and refs of a repo.
func objectsOf(t *testing.T, repo string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "find", repo+"/objects", repo+"/refs", "-type", "f").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return string(bytes.Join(lines, []byte("\n")))
}

func TestUndoLeadsBackToTheImageFromBefore(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	base := gz(t, fileItem("base", "1"))
	reference := l.tag(t, "latest", l.manifest(t, runtime.GOARCH, base, gz(t, fileItem("f", "old"))))
	old := pull(t, store, reference)
	do(t, store.Hold(t.Context(), "etcd/1", old.Commit))
	before := objectsOf(t, repo)

	newer := gz(t, fileItem("f", "new"))
	l.index.Manifests = nil // the tag moves
	l.tag(t, "latest", l.manifest(t, runtime.GOARCH, base, newer))
	img := pull(t, store, reference)
	if img.Added || img.PreviousCommit != old.Commit || img.Fetched != int64(len(newer.blob)) {
		t.Errorf("pulled %+v over %s", img, old.Commit)
	}
	do(t, store.Undo(t.Context(), img))
	if after := objectsOf(t, repo); after != before {
		t.Errorf("the repo has\n%s\nand had\n%s", after, before)
	}
	found, err := store.Find(t.Context(), reference)
	if err != nil || found.Commit != old.Commit {
		t.Errorf("found %+v, %v", found, err)
	}
	fsck(t, repo)

	again := pull(t, store, reference)
	same := pull(t, store, reference)
	if same.Fetched != 0 || same.PreviousCommit != again.Commit {
		t.Errorf("pulled again: %+v", same)
	}
	do(t, store.Undo(t.Context(), same)) // nothing to undo
	if found, err := store.Find(t.Context(), reference); err != nil || found.Commit != again.Commit {
		t.Errorf("found %+v, %v", found, err)
	}
}
