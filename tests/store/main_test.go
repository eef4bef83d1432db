// Package store_test is the proof that the image store stands what happens to programs, networks and disks: real
// processes that are killed, a registry that fails, a disk that is full, several at once.
package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
	"github.com/syscontainer/syscontainer/tests/badregistry"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

func storeAt(root string) *imagestore.Store {
	state := filepath.Join(root, "var/lib/syscontainer")
	return imagestore.New(imagestore.Options{Repo: filepath.Join(state, "repo"), Root: root, TempDir: state})
}

// program is what make build made; the commands, without those who call it.
var program = filepath.Join("..", "..", "bin", "syscontainer")

var verbs = map[string][]string{"pull": {"pull"}, "rm": {"images", "rm"}, "prune": {"images", "prune"}, "push": {"push"}}

// machine is a root directory with a store, and a registry to pull from.
type machine struct {
	t    *testing.T
	root string
	repo string
	*badregistry.Registry
}

func newMachine(t *testing.T, images string) *machine {
	t.Helper()
	return machineAt(t, t.TempDir(), images)
}

func machineAt(t *testing.T, root, images string) *machine {
	t.Helper()
	m := &machine{t: t, root: root, repo: filepath.Join(root, "var/lib/syscontainer/repo"), Registry: badregistry.Serve(images)}
	t.Cleanup(m.Close)
	m.write("etc/containers/policy.json", `{"default":[{"type":"insecureAcceptAnything"}]}`)
	m.write("etc/containers/registries.conf", fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", m.Host))
	return m
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

// process is a run of the program.
type process struct {
	*exec.Cmd
	output bytes.Buffer
}

func (m *machine) prepare(args ...string) *process {
	return m.prepareWords(append(slices.Clone(verbs[args[0]]), args[1:]...)...)
}

// prepareWords is prepare with the words as they are.
func (m *machine) prepareWords(words ...string) *process {
	p := &process{Cmd: exec.CommandContext(m.t.Context(), program, append([]string{"--root", m.root}, words...)...)}
	p.Stdout, p.Stderr = &p.output, &p.output
	return p
}

func (m *machine) start(args ...string) *process {
	m.t.Helper()
	p := m.prepare(args...)
	if err := p.Start(); err != nil {
		m.t.Fatal(err)
	}
	return p
}

// run runs the program to its end.
func (m *machine) run(args ...string) (output string, err error) {
	m.t.Helper()
	p := m.start(args...)
	err = p.Wait()
	return p.output.String(), err
}

func (m *machine) must(args ...string) {
	m.t.Helper()
	if out, err := m.run(args...); err != nil {
		m.t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// sound demands what must be true of the store at any time: what there is is whole, and an image is all of the image.
func (m *machine) sound(want map[string]string) {
	m.t.Helper()
	if _, err := os.Stat(filepath.Join(m.repo, "objects")); errors.Is(err, fs.ErrNotExist) {
		return // it was not even made
	}
	m.fsck()
	images, err := storeAt(m.root).List(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, img := range images {
		dir := filepath.Join(m.root, "checkout")
		if err := storeAt(m.root).Checkout(m.t.Context(), img.Commit, dir); err != nil {
			m.t.Fatal(err)
		}
		m.same(dir, want)
		if err := os.RemoveAll(dir); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *machine) fsck() {
	m.t.Helper()
	if out, err := exec.Command("ostree", "fsck", "--repo="+m.repo).CombinedOutput(); err != nil {
		m.t.Fatalf("ostree fsck: %v\n%s", err, out)
	}
}

// same compares a checkout with what the image was made of, when that is known.
func (m *machine) same(dir string, want map[string]string) {
	m.t.Helper()
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			m.t.Fatalf("%s: %d bytes, %v; want %d", name, len(got), err, len(text))
		}
	}
}

// noLeftovers demands that nothing unfinished is beside the repo or in it.
func (m *machine) noLeftovers() {
	m.t.Helper()
	for _, pattern := range []string{"*", ".[a-z]*", "repo/tmp/staging-*", "repo/tmp/tmp*", "repo/state/*.commitpartial"} {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(m.repo), pattern))
		left = slices.DeleteFunc(left, func(path string) bool { return path == m.repo || path == m.repo+".lock" })
		if err != nil || len(left) > 0 {
			m.t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

// makeImage writes an image of count layers with small files and a large one in each, and returns all of its files. The
// content does not compress, so that the time of a pull is spent everywhere.
func makeImage(t *testing.T, dir string, seed uint64, count int) map[string]string {
	t.Helper()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	text := func(size int) string {
		data := make([]byte, size)
		random.Read(data)
		return string(data)
	}
	all := make(map[string]string)
	var layers []ociimage.Files
	for i := range count {
		files := ociimage.Files{fmt.Sprintf("big/%d", i): text(3 << 20)}
		for n := range 100 {
			files[fmt.Sprintf("small/%d/%d", i, n)] = text(100 + 200*n)
		}
		for name, content := range files {
			all[name] = content
		}
		layers = append(layers, files)
	}
	if err := ociimage.Write(dir, imgspec.ImageConfig{Cmd: []string{"/bin/true"}}, layers...); err != nil {
		t.Fatal(err)
	}
	return all
}

// within ends a process that takes too long.
func (p *process) within(t *testing.T, limit time.Duration) error {
	t.Helper()
	timer := time.AfterFunc(limit, func() {
		t.Errorf("it did not end within %v", limit)
		p.Process.Kill()
	})
	defer timer.Stop()
	return p.Wait()
}
