package layers

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
func randomLayer(r *rand.Rand, links map[ostree.Checksum]string) []Entry {
	name := func() string {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			parts[i] = []string{"a", "b", "\xff"}[r.IntN(3)]
		}
		return strings.Join(parts, "/")
	}
	var entries []Entry
	for range 1 + r.IntN(8) {
		e := Entry{Path: name(), Sum: sha256.Sum256(fmt.Append(nil, r.Uint64()))}
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
		fresh, stored := NewMerger(ostree.Checksum{1}, look), NewMerger(ostree.Checksum{1}, look)
		for range 1 + r.IntN(4) {
			entries := randomLayer(r, links)
			again := entries
			if _, ok := layerTree(entries, ostree.Checksum{2}); ok {
				orderly++
				again = recoded(t, entries)
			} else if seed%100 == 0 { // slower
				again = recoded(t, entries)
			}
			err, err2 := fresh.Apply(entries), stored.Apply(again)
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
func recoded(t *testing.T, entries []Entry) []Entry {
	stored, err := store(entries, ostree.Checksum{2})
	if err != nil {
		t.Fatal(err)
	}
	again, err := stored.Entries()
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

// FuzzLayer reads layers and merges each onto itself. A line of the input is an
// entry: its type, its name and what it links to, separated by bars. Anything
// else is read as a tar stream.
func FuzzLayer(f *testing.F) {
	for _, seed := range []string{
		"5|./a/\n0|a/f\n2|a/l|../..\n1|h|a/f\n0|a/l/.wh.f\n0|a/.wh..wh..opq\n3|dev",
		"2|a|b\n2|b|a\n0|a/x", "0|x\n5|x\n0|x/y", "0|/../../e", "1|a|a", "2|l|/..\n0|l/../x\n0|.wh.l", "not tar",
		"5|\xff\n2|\xff/\xfe|/\xff/.\n1|l|\xff/\xfe\n0|l/\xfd\n0|.wh.\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		workers := NewWorkers(2)
		defer workers.Close()
		to := &contents{}
		stream := fuzzTar(input)
		l, err := readLayer(bytes.NewReader(stream), to, workers, Limits{})
		if err != nil {
			return
		}
		comesBack(t, l, to, stream)
		entries, stored := l.Entries, recoded(t, l.Entries)
		m := NewMerger(ostree.Checksum{1}, func(ostree.Checksum) (string, bool, error) { return "", false, errors.New("no repo") })
		for _, steps := range [][]Entry{entries, stored, entries} {
			if err := m.Apply(steps); err != nil {
				return
			}
			checkTree(t, m.Tree())
		}
	})
}

func fuzzTar(input string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.SplitSeq(input, "\n") {
		fields := append(strings.SplitN(line, "|", 3), "", "")
		if len(fields[0]) != 1 {
			return []byte(input)
		}
		h := tar.Header{Typeflag: fields[0][0], Name: fields[1], Linkname: fields[2], Format: tar.FormatPAX}
		if w.WriteHeader(&h) != nil {
			return b.Bytes()
		}
	}
	w.Flush()
	return b.Bytes()
}

// FuzzSteps reads the entries of a layer as a repo might hold them.
func FuzzSteps(f *testing.F) {
	for _, seed := range []string{
		`[]`, `null`, `[{"p":"a","k":"d","c":"00"},{"p":"a","k":"w"},{"p":"","k":"o"}]`, `[{"p":"../x","k":"s"}]`,
		`[{"p":"l","k":"f","l":true,"t":"/.."},{"p":"l/f","k":"h","t":"l"}]`, `[{"pb":"/w==","k":"f","l":true,"tb":"/i8="},{"pb":"/y94","k":"f"}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := fromJSON(text)
		if err != nil {
			return
		}
		written, err := toJSON(entries)
		if err != nil {
			t.Fatal(err)
		}
		again, err := fromJSON(written)
		if err != nil || len(again) != len(entries) || len(entries) > 0 && !reflect.DeepEqual(again, entries) {
			t.Errorf("%+v became %+v, %v", entries, again, err)
		}
		m := NewMerger(ostree.Checksum{1}, func(ostree.Checksum) (string, bool, error) { return "", false, errors.New("no repo") })
		if m.Apply(entries) == nil {
			m.Tree()
		}
	})
}

// FuzzStored reads a layer's entries as they are compressed.
func FuzzStored(f *testing.F) {
	text, err := encode([]Entry{{Path: "a", Kind: kindDir}, {Path: "\xff", Kind: kindFile, Link: true, Target: "\xfe"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decode(data); err != nil && !strings.Contains(err.Error(), "entries") {
			t.Error(err)
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
	for name := range tree.Targets {
		if _, ok := tree.Files[name]; !ok {
			t.Errorf("%q has a target and is no file", name)
		}
	}
	for _, dir := range tree.Dirs {
		checkTree(t, dir)
	}
}
