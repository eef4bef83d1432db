package runcspec_test

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/tests/golden"
)

// checkGolden compares a spec with testdata/NAME.
func checkGolden(t *testing.T, name string, spec *specs.Spec) {
	t.Helper()
	golden.Check(t, filepath.Join("testdata", name), marshal(t, spec))
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
