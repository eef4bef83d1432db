package layers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// stored is a repo of directories, in memory.
type stored map[ostree.Checksum]*ostree.Tree

// put stores a tree and returns it unread. What is unread in it must be stored.
func (s stored) put(t *ostree.Tree) *ostree.Tree {
	if t.Unread != (ostree.Checksum{}) {
		return t
	}
	level := &ostree.Tree{Meta: t.Meta, Files: t.Files, Targets: t.Targets, Dirs: make(map[string]*ostree.Tree)}
	for name, dir := range t.Dirs {
		level.Dirs[name] = s.put(dir)
	}
	unread := &ostree.Tree{Meta: t.Meta, Unread: sha256.Sum256(fmt.Append(nil, len(s)))} // any name will do
	s[unread.Unread] = level
	return unread
}

func (s stored) readDir(t *ostree.Tree) (*ostree.Tree, error) {
	level, ok := s[t.Unread]
	if !ok {
		return nil, errors.New("it is not there")
	}
	return &ostree.Tree{Meta: t.Meta, Files: level.Files, Targets: level.Targets, Dirs: level.Dirs}, nil
}

// all reads everything below a tree.
func (s stored) all(t *testing.T, tree *ostree.Tree) *ostree.Tree {
	level := tree
	if tree.Unread != (ostree.Checksum{}) {
		var err error
		if level, err = s.readDir(tree); err != nil {
			t.Fatal(err)
		}
	}
	full := ostree.NewTree(tree.Meta)
	full.Targets = level.Targets
	for name, sum := range level.Files {
		full.Files[name] = sum
	}
	for name, dir := range level.Dirs {
		full.Dirs[name] = s.all(t, dir)
	}
	return full
}

// TestMergingOnStoredLayers: what others were merged to, read piece by piece,
// serves as well as the layers themselves.
func TestMergingOnStoredLayers(t *testing.T) {
	unread := 0
	for seed := range uint64(5000) {
		links := make(map[ostree.Checksum]string)
		look := func(sum ostree.Checksum) (string, bool, error) {
			target, link := links[sum]
			return target, link, nil
		}
		r := rand.New(rand.NewPCG(seed, 2))
		repo := make(stored)
		straight := NewMerger(ostree.Checksum{1}, look)
		for range 1 + r.IntN(3) {
			if straight.Apply(randomLayer(r, links)) != nil {
				break
			}
		}
		again := NewMerger(ostree.Checksum{1}, look)
		again.Begin(repo.put(straight.Tree()), repo.readDir)
		for range 1 + r.IntN(3) {
			entries := randomLayer(r, links)
			err, err2 := straight.Apply(entries), again.Apply(entries)
			if (err == nil) != (err2 == nil) {
				t.Fatalf("seed %d: %v, on what is stored %v\n%+v", seed, err, err2, entries)
			}
			if err != nil {
				break
			}
			if got, want := repo.all(t, again.Tree()), repo.all(t, straight.Tree()); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: on what is stored %+v, not %+v\n%+v", seed, got, want, entries)
			}
		}
		for _, dir := range again.Tree().Dirs {
			if dir.Unread != (ostree.Checksum{}) {
				unread++
			}
		}
	}
	if unread == 0 {
		t.Error("everything was read")
	}
}
