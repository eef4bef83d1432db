package hosttree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/install/hosttree"
)

// mine is what a test can give a file without being root.
func mine(mode fs.FileMode) hosttree.Meta {
	return hosttree.Meta{Mode: mode, UID: os.Getuid(), GID: os.Getgid()}
}

// write makes a file outside of the tree.
func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// names lists a directory of the root.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return strings.Join(list, " ")
}

func TestBatchGivesNamesInCommit(t *testing.T) {
	tree, root, outside := open(t)
	source := write(t, filepath.Join(outside, "source"), "new")
	write(t, filepath.Join(root, "etc/file"), "old")
	write(t, filepath.Join(root, "etc/gone"), "x")
	batch := tree.Batch()
	for _, step := range []error{
		batch.Mkdir("/etc/dir", mine(0o750|fs.ModeSticky)),
		batch.CopyIn(source, "/etc/file", mine(0o600)),
		batch.CopyIn(source, "/etc/dir/below", mine(0o644)),
		batch.LinkIn(source, "/etc/linked"),
		batch.Symlink("file", "/etc/symlink", mine(0)),
		batch.Remove("/etc/gone"),
		batch.Remove("/etc/never"),
		batch.RemoveIfEmpty("/etc/dir"),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if data, _ := os.ReadFile(filepath.Join(root, "etc/file")); string(data) != "old" {
		t.Errorf("before Commit the file is %q", data)
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Join(root, "etc")); got != "dir file linked symlink" {
		t.Errorf("there are %s", got)
	}
	for name, mode := range map[string]fs.FileMode{"dir": fs.ModeDir | fs.ModeSticky | 0o750, "file": 0o600, "dir/below": 0o644} {
		if info, err := os.Lstat(filepath.Join(root, "etc", name)); err != nil || info.Mode() != mode {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
}

func TestBatchReplacesALinkByItself(t *testing.T) {
	tree, root, outside := open(t)
	source := write(t, filepath.Join(outside, "source"), "x")
	if err := os.Link(source, filepath.Join(root, "etc/linked")); err != nil {
		t.Fatal(err)
	}
	batch := tree.Batch()
	if err := errors.Join(batch.LinkIn(source, "/etc/linked"), batch.Commit()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Join(root, "etc")); got != "linked" {
		t.Errorf("there are %s", got)
	}
}

func TestBatchLeavesNothingBehind(t *testing.T) {
	for name, end := range map[string]func(b *hosttree.Batch) error{
		"discarded": (*hosttree.Batch).Discard,
		"a name is taken by a directory": func(b *hosttree.Batch) error {
			if err := b.Commit(); err == nil {
				return errors.New("no error")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree, root, outside := open(t)
			source := write(t, filepath.Join(outside, "source"), "x")
			if err := os.MkdirAll(filepath.Join(root, "etc/taken/x"), 0o755); err != nil {
				t.Fatal(err)
			}
			batch := tree.Batch()
			if err := errors.Join(batch.CopyIn(source, "/etc/taken", mine(0o644)), batch.CopyIn(source, "/etc/z", mine(0o644))); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range []error{
				batch.CopyIn(filepath.Join(outside, "none"), "/etc/d", mine(0)),
				batch.LinkIn(filepath.Join(outside, "none"), "/etc/d"),
				batch.CopyIn(source, "/nowhere/d", mine(0)),
				batch.Mkdir("/nowhere/d", mine(0)),
				batch.Mkdir("/etc/taken/x/y/z", mine(0)),
				batch.Symlink("x", "/loop/d", mine(0)),
			} {
				if wrong == nil {
					t.Error("no error")
				}
			}
			if err := end(batch); err != nil {
				t.Error(err)
			}
			if got := names(t, filepath.Join(root, "etc")); got != "taken" {
				t.Errorf("there are %s", got)
			}
		})
	}
}

func TestSweepAfterABatchThatNeverEnded(t *testing.T) {
	tree, root, outside := open(t)
	source := write(t, filepath.Join(outside, "source"), "x")
	batch := tree.Batch()
	var paths []string
	for i := range 300 {
		p := fmt.Sprintf("/etc/file%d", i)
		paths = append(paths, p)
		if err := batch.CopyIn(source, p, mine(0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Sweep(paths...); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Join(root, "etc")); got != "" {
		t.Errorf("there are %s", got)
	}
}

func TestMetaKeepsExtendedAttributes(t *testing.T) {
	tree, root, outside := open(t)
	source := write(t, filepath.Join(outside, "source"), "x")
	if err := syscall.Setxattr(source, "user.note", []byte("kept"), 0); err != nil {
		t.Fatal(err)
	}
	meta := mine(0o755)
	meta.Xattrs = source
	batch := tree.Batch()
	if err := errors.Join(batch.CopyIn(source, "/etc/file", meta), batch.Mkdir("/etc/dir", meta), batch.Commit()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "dir"} {
		value := make([]byte, 16)
		n, err := syscall.Getxattr(filepath.Join(root, "etc", name), "user.note", value)
		if err != nil || string(value[:n]) != "kept" {
			t.Errorf("%s has %q, %v", name, value[:max(n, 0)], err)
		}
	}
}
