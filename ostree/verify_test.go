package ostree_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// objectFile is the file of the only object of that kind.
func objectFile(t *testing.T, repo *ostree.Repo, suffix string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repo.Path(), "objects/*/*."+suffix))
	if err != nil || len(found) == 0 {
		t.Fatalf("objects of kind %s: %q, %v", suffix, found, err)
	}
	return found[0]
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		harm       func(file string) error
		missing    bool
	}{
		{"a file without its content", "file", func(f string) error { return os.Truncate(f, 0) }, false},
		{"a file with another mode", "file", func(f string) error { return os.Chmod(f, 0o777) }, false},
		{"no file", "file", os.Remove, true},
		{"no tree", "dirtree", os.Remove, true},
		{"no directory metadata", "dirmeta", os.Remove, true},
		{"no commit", "commit", os.Remove, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo := newRepo(t)
			commit := commitTree(t, repo, "image/x")
			if faults := must(repo.NewWalk().Verify(t.Context(), commit))(t); len(faults) != 0 {
				t.Fatalf("faults of a sound commit: %v", faults)
			}
			file := objectFile(t, repo, test.kind)
			if err := test.harm(file); err != nil {
				t.Fatal(err)
			}
			walk := repo.NewWalk()
			for range 2 { // the second time from what the walk knows
				faults := must(walk.Verify(t.Context(), commit))(t)
				if len(faults) == 0 {
					t.Fatal("no fault was found")
				}
				name := filepath.Base(filepath.Dir(file)) + filepath.Base(file)
				if f := faults[0]; f.Object != name || f.Missing() != test.missing {
					t.Errorf("found %+v, not %s", f, name)
				}
			}
		})
	}
}

func TestMeasureCountsAnObjectOnce(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "image/x")
	walk := repo.NewWalk()
	if err := walk.Measure(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
	if want := len(objects(t, repo)); walk.Objects != want || walk.Bytes == 0 {
		t.Errorf("%d objects with %d bytes; the repo has %d", walk.Objects, walk.Bytes, want)
	}
	once := *walk
	if err := walk.Measure(t.Context(), commit); err != nil || walk.Objects != once.Objects || walk.Bytes != once.Bytes {
		t.Errorf("measured twice: %d objects, %v", walk.Objects, err)
	}
}

func TestPruneRemovesWhatAKilledTransactionLeft(t *testing.T) {
	repo := newRepo(t)
	staged := filepath.Join(repo.Path(), "tmp/staging-0-abcdef")
	if err := os.MkdirAll(staged+"/00", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(staged+"/00/x.file", []byte(strings.Repeat("x", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if pruned := must(repo.Prune(t.Context()))(t); pruned.Objects != 1 || pruned.Bytes != 100 {
		t.Errorf("pruned %+v", pruned)
	}
	if _, err := os.Stat(staged); err == nil {
		t.Error("it is still there")
	}
}
