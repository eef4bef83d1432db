package imagestore_test

import (
	"cmp"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestEveryStackComesBack pushes generated stacks. Nothing of them may get lost,
// of whatever order, duplicates, devices and whiteouts.
func TestEveryStackComesBack(t *testing.T) {
	count := uint64(60)
	if long() {
		count = 3000
	}
	first, accepted := rand.Uint64()>>20, 0
	o := newOracle(t, scratchFS(t, cmp.Or(int64(count/4), 64)+512))
	for seed := first; seed < first+count; seed++ {
		s := generate(seed)
		l := newLayoutIn(t, o.dir)
		ref := l.tag(t, "latest", l.manifest(t, runtime.GOARCH, s.layers(t)...))
		img, err := o.store.Pull(t.Context(), ref)
		if err == nil {
			accepted++
			to := filepath.Join(l.dir, "pushed")
			if pushed, err := o.store.Push(t.Context(), ref, "oci:"+to+":tag"); err != nil || pushed.Digest != img.Digest {
				t.Fatalf("seed %d: %v %+v\n%s", seed, err, pushed, s)
			}
			checkBlobs(t, to)
			if err := o.store.Remove(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		os.RemoveAll(l.dir)
	}
	if accepted < int(count)/2 {
		t.Errorf("only %d of %d stacks could be pulled: that proves little", accepted, count)
	}
}

// checkBlobs compares the blobs of a layout with their names.
func checkBlobs(t testing.TB, layout string) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(layout, "blobs/sha256/*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("%d blobs: %v", len(blobs), err)
	}
	for _, blob := range blobs {
		data, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		if digest.FromBytes(data).Encoded() != filepath.Base(blob) {
			t.Errorf("blob %s is %s", blob, digest.FromBytes(data))
		}
	}
}

// TestKeptBlobs: with them no compressor matters, and they go with their image.
func TestKeptBlobs(t *testing.T) {
	dir := t.TempDir()
	policy, repo := filepath.Join(dir, "policy.json"), filepath.Join(dir, "repo")
	writeFile(t, policy, []byte(acceptAll))
	store := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: dir, KeepBlobs: true})
	big := foreign(t, someFiles(1, 2)...)
	ref := image(t, big, foreign(t, fileItem("f", strings.Repeat("small", 9999))), plainLayer(t, fileItem("g", "2")))
	keeps(t, store, ref, "oci:"+t.TempDir()+":tag")
	keeps(t, store, image(t, big, plainLayer(t, fileItem("h", "3"))), "dir:"+t.TempDir()) // with a layer that was there
	truncated := big
	truncated.blob = big.blob[:len(big.blob)/2]
	if _, err := store.Pull(t.Context(), image(t, truncated)); !errors.Is(err, imagestore.ErrBadImage) {
		t.Errorf("error %v", err)
	}
	fsck(t, repo)
	if reports, err := store.Verify(t.Context()); err != nil || len(reports) != 2 || len(reports[0].Faults)+len(reports[1].Faults) > 0 {
		t.Errorf("%+v, %v", reports, err)
	}
	if _, err := store.Prune(t.Context(), imagestore.PruneOptions{Unused: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(repo); err == nil {
		t.Error("something is left of the repo")
	}
}

// TestPushOfWhatAnOlderVersionStored: it lacks the records, and a pull brings them.
func TestPushOfWhatAnOlderVersionStored(t *testing.T) {
	store, path := newStore(t)
	ref := image(t, gz(t, fileItem("f", "1")), plainLayer(t, fileItem("g", "2")))
	img := pull(t, store, ref)
	dropRecords(t, path)
	if _, err := store.Push(t.Context(), ref, "dir:"+t.TempDir()); !errors.Is(err, imagestore.ErrNoRecord) {
		t.Fatalf("error %v", err)
	}
	if again := pull(t, store, ref); again.Digest != img.Digest || again.Previous != img.Digest {
		t.Errorf("%+v became %+v", img, again)
	}
	keeps(t, store, ref, "dir:"+t.TempDir())
	fsck(t, path)
}

// dropRecords makes layers what they were before there were records.
func dropRecords(t *testing.T, path string) {
	t.Helper()
	repo, err := ostree.Open(t.Context(), path)
	do(t, err)
	defer repo.Close()
	refs, err := repo.Refs(t.Context(), "")
	do(t, err)
	txn, err := repo.Begin(t.Context())
	do(t, err)
	for ref, commit := range refs {
		if !strings.HasPrefix(ref, "layer/") && !strings.HasPrefix(ref, "blob/") {
			continue
		}
		tree, err := repo.ReadTree(t.Context(), commit)
		do(t, err)
		maps.DeleteFunc(tree.Files, func(name string, _ ostree.Checksum) bool { return strings.HasPrefix(name, ".wh..wh.tar.") })
		root, err := txn.WriteTree(tree)
		do(t, err)
		keys := map[string][]byte{"syscontainer.diff-id": nil, "syscontainer.root-described": nil}
		old, err := repo.LoadCommit(commit, slices.Collect(maps.Keys(keys))...)
		do(t, err)
		for key := range keys {
			keys[key] = old.Value(key)
		}
		changed, err := txn.WriteCommit(ostree.CommitSpec{Root: root, Metadata: keys})
		do(t, err)
		txn.SetRef(ref, changed)
	}
	do(t, txn.Commit(t.Context()))
}
