package layers

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// contents is objects that are kept in memory.
type contents struct {
	memory
	files sync.Map
}

func (c *contents) WriteFile(m ostree.Meta, content []byte) (ostree.Checksum, error) {
	sum, err := c.memory.WriteFile(m, content)
	c.files.Store(sum, bytes.Clone(content))
	return sum, err
}

func (c *contents) WriteStream(m ostree.Meta, size int64, r io.Reader, _ []byte) (ostree.Checksum, error) {
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return ostree.Checksum{}, err
	}
	return c.WriteFile(m, content)
}

func (c *contents) open(sum ostree.Checksum) (io.ReadCloser, int64, error) {
	content, ok := c.files.Load(sum)
	if !ok {
		return nil, 0, fmt.Errorf("there is no object %s", sum)
	}
	data := content.([]byte)
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
}

// comesBack demands that a layer's stream can be put together again from the
// objects that its tree reaches.
func comesBack(t *testing.T, l Layer, from *contents, want []byte) {
	t.Helper()
	stored, err := l.Store(ostree.Checksum{2})
	if err != nil {
		t.Fatal(err)
	}
	reached := make(map[ostree.Checksum]bool)
	markFiles(stored.Tree, reached)
	var got bytes.Buffer
	err = WriteTar(&got, stored.Tree, func(sum ostree.Checksum) (io.ReadCloser, int64, error) {
		if !reached[sum] {
			return nil, 0, errors.New("a prune would have removed the object")
		}
		return from.open(sum)
	})
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("%d bytes became %d: %v", len(want), got.Len(), err)
	}
	if l.record.last != stored.Tree.Files[recordLast] {
		t.Fatal("the record is not where it belongs")
	}
}

func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		content := bytes.Repeat([]byte{byte('a' + i)}, int(h.Size))
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestStreamsComeBack(t *testing.T) {
	long := strings.Repeat("directory/", 50) + "f"
	random := make([]byte, 3*recordPart/2)
	rand.NewChaCha8([32]byte{}).Read(random)
	one := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Size: 700})
	many := make([]tar.Header, 5000) // more than one part of headers
	for i := range many {
		many[i] = tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint(i), Size: int64(i % 700)}
	}
	for name, stream := range map[string][]byte{
		"nothing at all":       {},
		"an empty archive":     make([]byte, 1024),
		"one file":             one,
		"no end":               one[:len(one)-1024],
		"half an end":          one[:len(one)-512],
		"zeros behind":         append(bytes.Clone(one), make([]byte, 9<<10)...),
		"something behind":     append(bytes.Clone(one), random...),
		"exactly a part":       append(bytes.Clone(one), random[:recordPart-512-324-1024]...),
		"a byte more":          append(bytes.Clone(one), random[:recordPart-512-324-1024+1]...),
		"exactly two parts":    append(bytes.Clone(one), append(bytes.Clone(random), random...)[:2*recordPart-512-324-1024]...),
		"many":                 archive(t, many...),
		"the same name twice":  archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Size: 10}, tar.Header{Typeflag: tar.TypeReg, Name: "./f", Size: 20}),
		"a large file":         archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Size: 3<<20 + 1}, tar.Header{Typeflag: tar.TypeReg, Name: "g", Size: 1}),
		"a whiteout with text": archive(t, tar.Header{Typeflag: tar.TypeReg, Name: ".wh.f", Size: 5}),
		"our own names":        archive(t, tar.Header{Typeflag: tar.TypeReg, Name: recordLast, Size: 5}, tar.Header{Typeflag: tar.TypeDir, Name: recordName + "00000000"}),
		"PAX and GNU": archive(t, tar.Header{Typeflag: tar.TypeReg, Name: long, Size: 5, Format: tar.FormatPAX, PAXRecords: map[string]string{"comment": "c", "SCHILY.xattr.user.x": "\x00"}},
			tar.Header{Typeflag: tar.TypeReg, Name: long + "2", Size: 5, Format: tar.FormatGNU}),
		"no files": archive(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "c"}}, tar.Header{Typeflag: tar.TypeDir, Name: "d/"},
			tar.Header{Typeflag: tar.TypeSymlink, Name: "d/l", Linkname: "x"}, tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3},
			tar.Header{Typeflag: tar.TypeFifo, Name: "fifo"}, tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: "d/l"}),
		"a layer whose order matters": archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 3}, tar.Header{Typeflag: tar.TypeDir, Name: "a/"}, tar.Header{Typeflag: tar.TypeReg, Name: "a/b", Size: 4}),
	} {
		t.Run(name, func(t *testing.T) {
			workers := NewWorkers(2)
			defer workers.Close()
			to := &contents{}
			l, err := readLayer(bytes.NewReader(stream), to, workers, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			comesBack(t, l, to, stream)
		})
	}
}

func TestNoRecord(t *testing.T) {
	if err := WriteTar(io.Discard, ostree.NewTree(ostree.Checksum{}), (&contents{}).open); !errors.Is(err, ErrNoRecord) {
		t.Errorf("error %v", err)
	}
}

// FuzzRecord puts streams together from records that nobody wrote: the first input
// is the last object, the second a part before it, the third a content.
func FuzzRecord(f *testing.F) {
	workers := NewWorkers(1)
	defer workers.Close()
	to := &contents{}
	l, err := readLayer(bytes.NewReader(fuzzTar("0|a\n5|b")), to, workers, Limits{})
	if err != nil {
		f.Fatal(err)
	}
	last, _ := to.files.Load(l.record.last)
	f.Add(last.([]byte), []byte(nil), []byte("content"))
	index := binary.AppendUvarint(nil, 36)
	index = append(index, 0, 7, 3)
	f.Add(append(index, make([]byte, 33)...), last.([]byte)[5:], []byte("content"))
	f.Fuzz(func(t *testing.T, last, part, content []byte) {
		files := map[ostree.Checksum][]byte{{1}: last, {2}: part, {3}: content}
		root := ostree.NewTree(ostree.Checksum{})
		root.Files[recordLast] = ostree.Checksum{1}
		if len(part) > 0 {
			root.Files[recordName+"00000000"] = ostree.Checksum{2}
		}
		opened := 0
		var got counted
		err := WriteTar(&got, root, func(sum ostree.Checksum) (io.ReadCloser, int64, error) {
			opened++
			data, ok := files[sum]
			if !ok {
				return nil, 0, errors.New("no such object")
			}
			return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
		})
		// Whatever comes out was in there: nothing makes much of little but the
		// contents, each named in the index.
		if limit := opened*(len(content)+1) + 2*recordPart; int(got) > limit {
			t.Errorf("%d bytes came out: %v", got, err)
		}
	})
}

// counted counts what is written to it.
type counted int

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}
