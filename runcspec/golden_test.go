package runcspec_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a spec with testdata/NAME, or writes it there with -update.
func golden(t *testing.T, name string, spec *specs.Spec) {
	t.Helper()
	goldenText(t, name, string(marshal(t, spec)))
}

// goldenText compares a text with testdata/NAME, or writes it there with -update.
func goldenText(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", file, got)
	}
}

func marshal(t *testing.T, spec *specs.Spec) []byte {
	t.Helper()
	text, err := runcspec.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parseFile(t *testing.T, name string) *specs.Spec {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := runcspec.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}
