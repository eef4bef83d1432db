package imagestore

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// memory is objects without a repo.
type memory struct{}

func (m *memory) sum(meta ostree.Meta, what string, content []byte) ostree.Checksum {
	return sha256.Sum256(fmt.Append(nil, meta, what, content))
}

func (m *memory) WriteFile(meta ostree.Meta, content []byte) (ostree.Checksum, error) {
	return m.sum(meta, "file", content), nil
}

func (m *memory) WriteSymlink(meta ostree.Meta, target string) (ostree.Checksum, error) {
	return m.sum(meta, "link", []byte(target)), nil
}

func (m *memory) WriteDirMeta(meta ostree.Meta) (ostree.Checksum, error) {
	return m.sum(meta, "dir", nil), nil
}

func (m *memory) WriteStream(meta ostree.Meta, size int64, r io.Reader, _ []byte) (ostree.Checksum, error) {
	n, err := io.Copy(io.Discard, io.LimitReader(r, size))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return m.sum(meta, "stream", nil), err
}

// randomLayer is a layer of few names, so that everything meets everything.
func randomLayer(r *rand.Rand, links map[ostree.Checksum]string) []entry {
	name := func() string {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			parts[i] = string(rune('a' + r.IntN(3)))
		}
		return strings.Join(parts, "/")
	}
	var entries []entry
	for range 1 + r.IntN(8) {
		e := entry{Path: name(), Sum: sha256.Sum256(fmt.Append(nil, r.Uint64()))}
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			e.Kind = kindDir
		case 4, 5:
			e.Kind = kindFile
		case 6:
			e.Kind, e.Link, e.Target = kindFile, true, []string{name(), "/" + name(), "../" + name(), "."}[r.IntN(4)]
			links[e.Sum] = e.Target
		case 7:
			e.Kind, e.Target, e.Sum = kindHardLink, name(), ostree.Checksum{}
		case 8:
			e.Kind = kindWhiteout
		case 9:
			e.Kind = []kind{kindOpaque, kindSkipped}[r.IntN(2)]
		}
		entries = append(entries, e)
	}
	return entries
}

// TestStoredLayersMergeAlike: what a layer's commit keeps, a tree or a list of
// entries, merges to the same as the layer's own stream.
func TestStoredLayersMergeAlike(t *testing.T) {
	orderly := 0
	for seed := range uint64(30_000) {
		links := make(map[ostree.Checksum]string)
		look := func(sum ostree.Checksum) (string, bool, error) {
			target, link := links[sum]
			return target, link, nil
		}
		r := rand.New(rand.NewPCG(seed, 1))
		fresh, stored := newMerger(ostree.Checksum{1}, look), newMerger(ostree.Checksum{1}, look)
		for range 1 + r.IntN(4) {
			entries := randomLayer(r, links)
			again := entries
			if root, ok := layerTree(entries, ostree.Checksum{2}); ok {
				orderly++
				again = treeEntries(root.tree(), root.described)
			} else if seed%100 == 0 {
				again = recoded(t, entries)
			}
			err, err2 := fresh.apply(entries), stored.apply(again)
			if (err == nil) != (err2 == nil) {
				t.Fatalf("seed %d: %v, from the repo %v\n%+v", seed, err, err2, entries)
			}
			if err != nil {
				break
			}
			if !reflect.DeepEqual(fresh.root.tree(), stored.root.tree()) {
				t.Fatalf("seed %d: %v\nfrom the repo %v\n%+v", seed, show(fresh.root), show(stored.root), entries)
			}
		}
	}
	if orderly == 0 {
		t.Error("no layer was orderly")
	}
}

// recoded is a layer's entries after a way through a commit.
func recoded(t *testing.T, entries []entry) []entry {
	data, err := encodeEntries(entries)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeEntries(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func show(n *node) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		fmt.Fprintf(&b, "%s(%.4x %s) ", name, n.children[name].sum, show(n.children[name]))
	}
	return b.String()
}

// FuzzLayer reads any bytes as a layer and merges it onto itself.
func FuzzLayer(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "./a/"}, {Typeflag: tar.TypeReg, Name: "a/f", PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}},
		{Typeflag: tar.TypeSymlink, Name: "a/l", Linkname: "../.."}, {Typeflag: tar.TypeLink, Name: "h", Linkname: "a/f"},
		{Typeflag: tar.TypeReg, Name: "a/l/../.wh.f"}, {Typeflag: tar.TypeReg, Name: "a/.wh..wh..opq"}, {Typeflag: tar.TypeChar, Name: "dev"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
	}
	w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		workers := newPool(2)
		defer workers.close()
		entries, _, err := readLayer(bytes.NewReader(data), &memory{}, workers)
		if err != nil {
			return
		}
		m := newMerger(ostree.Checksum{1}, func(ostree.Checksum) (string, bool, error) { return "", false, errors.New("no repo") })
		for range 2 {
			if err := m.apply(entries); err != nil {
				return
			}
		}
		checkTree(t, m.root.tree())
		if root, ok := layerTree(entries, ostree.Checksum{2}); ok {
			checkTree(t, root.tree())
		}
	})
}

// checkTree demands names that cannot lead out of the tree.
func checkTree(t *testing.T, tree *ostree.Tree) {
	for _, name := range slices.Concat(slices.Collect(maps.Keys(tree.Files)), slices.Collect(maps.Keys(tree.Dirs))) {
		if err := ostree.CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, dir := range tree.Dirs {
		checkTree(t, dir)
	}
}
