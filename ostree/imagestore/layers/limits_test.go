package layers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
)

// zeros is a gzipped layer with a file of nothing but zeros.
func zeros(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Mode: 0o644, Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLimits(t *testing.T) {
	workers := NewWorkers(2)
	defer workers.Close()
	blob := zeros(t, 4<<20)
	for _, test := range []struct {
		name   string
		limits Limits
		want   string // of the error; "" for none
	}{
		{"none", Limits{}, ""},
		{"wide", Limits{Size: 5 << 20, Ratio: 2000, RatioFrom: 1}, ""},
		{"size", Limits{Size: 3 << 20}, "limit of 3145728 bytes"},
		{"ratio", Limits{Ratio: 100, RatioFrom: 1 << 20}, "100 times"},
		{"ratio of what is small", Limits{Ratio: 100, RatioFrom: 8 << 20}, ""},
	} {
		_, err := Unpack(bytes.NewReader(blob), &memory{}, workers, test.limits)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestBudget: sizes and names that were never in a stream count, too.
func TestBudget(t *testing.T) {
	b := budget{limits: Limits{Size: 1000}}
	if err := errors.Join(b.spend(600, "a"), b.spend(400, "b")); err != nil {
		t.Error(err)
	}
	if err := b.spend(1, "c"); !errors.Is(err, ErrBroken) {
		t.Errorf("beyond the size: %v", err)
	}
	if err := new(budget).spend(-1, "c"); !errors.Is(err, ErrBroken) {
		t.Errorf("negative size: %v", err)
	}
	var many budget
	var err error
	for n := 0; err == nil && n < 1<<20; n++ {
		err = many.spend(0, strings.Repeat("n", 4000))
	}
	if !errors.Is(err, ErrBroken) {
		t.Errorf("four gigabytes of names: %v", err)
	}
}
