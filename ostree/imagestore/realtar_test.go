package imagestore_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestArchivesOfGNUTar: every format that tar writes, sparse files and long names included.
func TestArchivesOfGNUTar(t *testing.T) {
	tree := t.TempDir()
	deep := filepath.Join(tree, strings.Repeat("directory/", 8), strings.Repeat("n", 90))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(*os.File) error{
		"holes": func(f *os.File) error {
			if _, err := f.WriteAt([]byte("data"), 5<<20); err != nil {
				return err
			}
			return f.Truncate(9 << 20)
		},
		"hole":  func(f *os.File) error { return f.Truncate(3 << 20) },
		"whole": func(f *os.File) error { _, err := f.WriteString("content"); return err },
	} {
		f, err := os.Create(filepath.Join(deep, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := do(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	run(t, "ln", filepath.Join(deep, "whole"), filepath.Join(tree, "hard link"))
	run(t, "ln", "-s", strings.Repeat("../", 60)+"target", filepath.Join(tree, "link"))
	run(t, "chown", "-h", "3000000:77", filepath.Join(tree, "link"))
	o := newOracle(t, t.TempDir())
	for _, format := range []string{"gnu", "oldgnu", "pax"} {
		archive := filepath.Join(t.TempDir(), "layer.tar")
		args := []string{"tar", "--create", "--sparse", "--numeric-owner", "--format=" + format, "--file=" + archive}
		if format == "pax" {
			args = append(args, "--xattrs")
		}
		run(t, append(args, "--directory="+tree, ".")...)
		data, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 1<<20 {
			t.Fatalf("%s: the archive has %d bytes: it is not sparse", format, len(data))
		}
		l := newLayout(t)
		// The tree itself is the oracle: umoci refuses GNU's own type for sparse files.
		ours := o.ours(t, l.tag(t, "latest", l.manifest(t, runtime.GOARCH, rawLayer(data))))
		if lines := differences(ours.tree, treeOf(t, tree)); ours.err != nil || lines != nil {
			t.Errorf("%s: %v\n%s", format, ours.err, strings.Join(lines, "\n"))
		}
	}
	fsck(t, o.repo)
}

// TestDebian compares Debian as the test machines have it. In the short run it is only some of it.
func TestDebian(t *testing.T) {
	trees, err := filepath.Glob("../../.cache/host/*-*[0-9a-f]")
	if err != nil || len(trees) == 0 {
		t.Fatalf("make machine makes what this test needs: %v", err)
	}
	what := "usr/bin"
	if long() {
		what = "."
	}
	archive := filepath.Join(t.TempDir(), "layer.tar")
	run(t, "tar", "--create", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--format=pax", "--file="+archive, "--directory="+trees[0], what)
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(t, t.TempDir())
	l := newLayout(t)
	if text := o.disagreement(t, l.tag(t, "latest", l.manifest(t, runtime.GOARCH, rawLayer(data)))); text != "" || o.accepted.Load() != 1 {
		t.Errorf("%.5000s", text)
	}
	fsck(t, o.repo)
}
