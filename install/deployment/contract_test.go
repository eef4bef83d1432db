package deployment

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/tests/golden"
)

// TestContractGolden keeps what images become on a host that are written as those of the
// world are, and some that have each row of the tables of docs/image-format.md. The
// first are those that the end-to-end suite runs; what is a unit in any of the golden
// files, systemd reads there.
func TestContractGolden(t *testing.T) {
	values := map[string]map[string]string{
		"flannel":     {"FLANNELD_ETCD_ENDPOINTS": "http://192.0.2.1:2379"},
		"docker":      {"ADDTL_MOUNTS": `,{"destination":"/mnt","type":"bind","source":"/srv","options":["rbind"]}`},
		"hello-world": {"RECEIVER": `“100%” \ "$HOME"`},
	}
	for _, dir := range fixtures(t) {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			preview, err := RenderDirectory(readExports(t, dir), Request{Image: name, Name: nameOf(name), Values: values[name]})
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "testdata/golden/"+name+".txtar", txtar.Format(archive(preview)))
		})
	}
}

// nameOf is the name under which a fixture is installed.
func nameOf(fixture string) string {
	if fixture == "everything" || fixture == "bare" {
		return "app"
	}
	return fixture
}

func fixtures(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for _, pattern := range []string{"../../tests/testdata/world/*", "testdata/contract/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d fixtures, %v", pattern, len(found), err)
		}
		dirs = append(dirs, found...)
	}
	return dirs
}

// readExports makes an image of a folder that is its /exports. Whoever checks the sources
// out decides about modes with a umask, so that they are said here.
func readExports(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.Join("exports", strings.TrimPrefix(file, filepath.Clean(dir)))
		if entry.IsDir() {
			files[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
			return nil
		}
		data, err := os.ReadFile(file)
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(name)) == "bin" {
			mode = 0o755
		}
		files[name] = &fstest.MapFile{Data: data, Mode: mode}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// archive is a preview as people read it: the warnings, what the host gets, and the files
// that are rendered.
func archive(p *Preview) *txtar.Archive {
	var entries strings.Builder
	for _, f := range p.HostFiles {
		fmt.Fprintf(&entries, "%s %04o %s\n", f.Kind, uint32(f.Mode), f.Path)
	}
	a := &txtar.Archive{Comment: []byte(strings.Join(append(p.Warnings, ""), "\n"))}
	a.Files = append(a.Files, txtar.File{Name: "entries", Data: []byte(entries.String())})
	for _, f := range p.Files {
		a.Files = append(a.Files, txtar.File{Name: f.Path, Data: []byte(f.Content)})
	}
	return a
}
