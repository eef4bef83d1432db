package install_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
)

// TestMain has the scenes in memory, where there is such a place: thousands of syncs
// take seconds there, and a minute on a disk that others use. What a disk does is
// tested with hosttree, and in tests/.
func TestMain(m *testing.M) {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		os.Setenv("TMPDIR", memory)
	}
	os.Exit(m.Run())
}

// A scene is a host in a temporary directory with the doubles around it. The
// doubles exist to make failures reachable; the real parts are tested in tests/.
type scene struct {
	t        *testing.T
	root     string
	images   *storeDouble
	mounter  *mounterDouble
	services *servicesDouble
	running  *containersDouble
	effects  *effects
	*install.Installer
}

// effects counts what the doubles are asked to do and fails one of them.
type effects struct {
	done  []string
	fail  int // the number, from 1, of the effect that fails; 0 for none
	crash bool
}

var errInjected = errors.New("injected failure")

type crashed struct{}

func (e *effects) next(format string, args ...any) error {
	e.done = append(e.done, fmt.Sprintf(format, args...))
	if len(e.done) != e.fail {
		return nil
	}
	if e.crash {
		panic(crashed{})
	}
	return errInjected
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, root: t.TempDir(), effects: &effects{}}
	for _, program := range []string{"usr/bin/runc", "usr/libexec/syscontainer-launch"} {
		s.write(program, "#!", 0o755)
	}
	for _, dir := range []string{"etc/systemd/system", "etc/tmpfiles.d", "var/lib"} {
		s.mkdir(dir)
	}
	tree, err := hosttree.Open(s.root)
	if err != nil {
		t.Fatal(err)
	}
	s.images = &storeDouble{effects: s.effects, images: map[string]fstest.MapFS{}, configs: map[string]imgspec.Image{}, leads: map[string]string{}, pulled: map[string]string{}, held: map[string]string{}}
	t.Cleanup(func() {
		if s.images.looks != 0 {
			t.Errorf("%d views of images are still open", s.images.looks)
		}
	})
	s.services = &servicesDouble{effects: s.effects, root: s.root, runs: map[string]string{}, state: map[string]string{}, enabled: map[string]bool{}}
	s.running = &containersDouble{bundles: map[string]string{}}
	s.mounter = &mounterDouble{effects: s.effects, mounted: map[string]string{}}
	s.Installer = &install.Installer{
		Tree:       tree,
		Containers: s.running,
		Paths:      deployment.Paths{State: "/var/lib/syscontainer"},
		Host:       deployment.Host{UID: os.Getuid(), GID: os.Getgid(), Unified: true, Capabilities: []string{"CAP_CHOWN", "CAP_KILL"}},
		Images:     s.images,
		Services:   s.services,
		Mounter:    s.mounter,
		Log:        slog.New(slog.DiscardHandler),
		Now:        func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
		Boot:       "first",
		NewUUID:    func() string { return "5e1f8d9c-0000-4000-8000-000000000000" },
	}
	return s
}

func (s *scene) mkdir(name string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.root, name), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) write(name, content string, mode fs.FileMode) {
	s.t.Helper()
	s.mkdir(filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(s.root, name), []byte(content), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.root, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// crash runs do and reports whether the injected crash ended it.
func (s *scene) crash(do func()) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crashed); !ok {
				panic(r)
			}
			died = true
		}
	}()
	do()
	return false
}

// tree lists everything below the host's root: a line for each entry.
func (s *scene) tree() string {
	s.t.Helper()
	var lines []string
	err := filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v %s", info.Mode(), strings.TrimPrefix(path, s.root))
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			line += " -> " + target
		case info.Mode().IsRegular():
			data, _ := os.ReadFile(path)
			line += fmt.Sprintf(" %x", sha256.Sum256(data))[:13]
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

// owner makes a file of an in-memory image belong to whoever runs the test.
type owner struct{}

func (owner) Owner() (uid, gid int) { return os.Getuid(), os.Getgid() }

// file is a regular file of an in-memory image.
func file(content string, mode fs.FileMode) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(content), Mode: mode, Sys: owner{}}
}

func dir(mode fs.FileMode) *fstest.MapFile {
	bits := mode.Perm() | fs.ModeDir
	if mode&0o1000 != 0 {
		bits |= fs.ModeSticky
	}
	return &fstest.MapFile{Mode: bits, Sys: owner{}}
}

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777, Sys: owner{}}
}

// inode identifies a file, to tell hard links from copies.
func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}
