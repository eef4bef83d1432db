package gunzip

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// contents are of different kinds: what does not compress, texts, runs, and matches as far away as there are.
func contents() map[string][]byte {
	random := rand.NewChaCha8([32]byte{7})
	noise := make([]byte, 300_000)
	random.Read(noise)
	words := bytes.Fields([]byte("the quick brown fox jumps over the lazy dog while 42 others are looking at it"))
	var text []byte
	for len(text) < 700_000 {
		text = append(append(text, words[random.Uint64()%uint64(len(words))]...), ' ')
	}
	few := make([]byte, 400_000)
	for i := range few {
		few[i] = "ab"[random.Uint64()%7/6]
	}
	far := bytes.Repeat(noise[:window], 12)
	return map[string][]byte{
		"nothing": nil, "a byte": {42}, "noise": noise, "text": text, "two letters": few, "far": far,
		"zeros": make([]byte, 2_000_000), "period": bytes.Repeat([]byte("12345"), 100_000),
		"mixed": bytes.Join([][]byte{text, noise, few, far, text[:1000]}, nil),
	}
}

func compress(t testing.TB, level int, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range parts {
		w, err := gzip.NewWriterLevel(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		w.Name, w.Comment, w.Extra = "a name", "a comment", []byte("more")
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func gunzip(r io.Reader) ([]byte, error) {
	z, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func TestReader(t *testing.T) {
	for name, content := range contents() {
		for _, level := range []int{gzip.HuffmanOnly, gzip.NoCompression, gzip.BestSpeed, gzip.DefaultCompression, gzip.BestCompression} {
			t.Run(fmt.Sprint(name, level), func(t *testing.T) {
				packed := compress(t, level, content)
				got, err := gunzip(bytes.NewReader(packed))
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes of %d are right, %v", common(got, content), len(content), err)
				}
			})
		}
	}
}

// common is how many bytes are the same.
func common(a, b []byte) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func TestReaderTakesWhatComes(t *testing.T) {
	content := contents()["mixed"]
	packed := compress(t, gzip.DefaultCompression, content[:50], nil, content)
	content = append(content[:50:50], content...)
	for name, r := range map[string]io.Reader{
		"single bytes":         iotest.OneByteReader(bytes.NewReader(packed)),
		"halves":               iotest.HalfReader(bytes.NewReader(packed)),
		"the end with data":    iotest.DataErrReader(bytes.NewReader(packed)),
		"what is read by byte": bytes.NewReader(packed),
	} {
		z, err := NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(z))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes of %d are right, %v", name, common(got, content), len(content), err)
		}
	}
}

func TestReaderFindsDamage(t *testing.T) {
	packed := compress(t, gzip.DefaultCompression, []byte("a short text that is a text"), []byte("another"))
	for n := range packed {
		_, err := gunzip(bytes.NewReader(packed[:n]))
		// Between the streams it looks like the end.
		if _, want := stdGunzip(packed[:n]); (err == nil) != (want == nil) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut off after %d: %v, compress/gzip says %v", n, err, want)
		}
		for bit := range 8 {
			damaged := bytes.Clone(packed)
			damaged[n] ^= 1 << bit
			compare(t, damaged)
		}
	}
	broken := errors.New("broken")
	r := io.MultiReader(bytes.NewReader(packed[:30]), iotest.ErrReader(broken))
	if _, err := gunzip(r); !errors.Is(err, broken) {
		t.Errorf("of a stream that breaks off: %v", err)
	}
}

func stdGunzip(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxFuzzed))
}

// maxFuzzed bounds what is decompressed of an input that somebody invented.
const maxFuzzed = 8 << 20

// compare compares with compress/gzip, which takes a stream that is cut off in the name or the comment of
// its header for one that is at its end.
func compare(t *testing.T, packed []byte) {
	t.Helper()
	want, wantErr := stdGunzip(packed)
	var got []byte
	z, err := NewReader(bytes.NewReader(packed))
	if err == nil {
		got, err = io.ReadAll(io.LimitReader(z, maxFuzzed))
	}
	if (err == nil) != (wantErr == nil) && !(wantErr == nil && errors.Is(err, io.ErrUnexpectedEOF)) {
		t.Fatalf("%x: error %v, of compress/gzip %v", packed, err, wantErr)
	}
	if wantErr == nil && !bytes.Equal(got, want) {
		t.Fatalf("%x: %d of %d bytes are right", packed, common(got, want), len(want))
	}
	if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Fatalf("%x: an error of its own: %v", packed, err)
	}
}

func FuzzReader(f *testing.F) {
	for _, content := range [][]byte{nil, []byte("text text text"), make([]byte, 1000)} {
		f.Add(compress(f, gzip.DefaultCompression, content, content))
	}
	f.Fuzz(func(t *testing.T, packed []byte) { compare(t, packed) })
}

// FuzzInflate is without the checksum, behind which nothing that is invented gets.
func FuzzInflate(f *testing.F) {
	for _, content := range contents() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.DefaultCompression} {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, level)
			if err != nil {
				f.Fatal(err)
			}
			_, werr := w.Write(content[:min(2000, len(content))])
			if err := errors.Join(werr, w.Close()); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxFuzzed))
		z := &inflater{in: input{r: iotest.HalfReader(bytes.NewReader(packed))}}
		var got []byte
		var err error
		for err == nil && z.state != finished && len(got) < maxFuzzed {
			var more []byte
			more, err = z.decode()
			got = append(got, more...)
		}
		got = got[:min(len(got), maxFuzzed)]
		if (err == nil) != (wantErr == nil) && len(want) < maxFuzzed {
			t.Fatalf("error %v, of compress/flate %v", err, wantErr)
		}
		// How much comes before an error is nobody's business.
		if n := common(got, want); n < min(len(got), len(want)) || err == nil && len(got) < len(want) {
			t.Fatalf("%d of %d bytes are right, there are %d", n, len(want), len(got))
		}
	})
}
