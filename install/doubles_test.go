package install_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
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

// storeDouble is an image store whose images are in memory.
type storeDouble struct {
	effects *effects
	images  map[string]fstest.MapFS
	configs map[string]imgspec.Image
	health  map[string]*deployment.ImageHealth
	leads   map[string]string // reference -> name in images, where that is another
	pulled  map[string]string // reference -> commit
	held    map[string]string
	looks   int    // views that are open
	damaged string // the object that files which differ are
	// checkedOut is called with every checkout.
	checkedOut func(rootfs string)
}

func (d *storeDouble) Pull(_ context.Context, reference string) (deployment.Image, error) {
	commit := cmp.Or(d.leads[reference], reference)
	if _, ok := d.images[commit]; !ok {
		return deployment.Image{}, fmt.Errorf("pulling %q: no such image", reference)
	}
	if err := d.effects.next("pull %s", reference); err != nil {
		return deployment.Image{}, err
	}
	before, had := d.pulled[reference]
	d.pulled[reference] = commit
	image := d.image(reference, commit)
	image.Added, image.PreviousCommit = !had, before
	return image, nil
}

func (d *storeDouble) image(reference, commit string) deployment.Image {
	return deployment.Image{Reference: reference, Digest: digest.FromString(commit), Commit: commit, Config: d.configs[commit], Health: d.health[commit]}
}

func (d *storeDouble) Look(_ context.Context, reference string) (digest.Digest, error) {
	return digest.FromString(cmp.Or(d.leads[reference], reference)), nil
}

func (d *storeDouble) Undo(_ context.Context, image deployment.Image) error {
	switch {
	case image.Added:
		delete(d.pulled, image.Reference)
	case image.Commit == image.PreviousCommit:
		return nil
	default:
		d.pulled[image.Reference] = image.PreviousCommit
	}
	return d.effects.next("undo %s", image.Reference)
}

func (d *storeDouble) Find(_ context.Context, reference string) (deployment.Image, error) {
	if commit, ok := d.pulled[reference]; ok {
		return d.image(reference, commit), nil
	}
	for _, commit := range d.held {
		if digest.FromString(commit).String() == reference {
			return d.image(reference, commit), nil
		}
	}
	return deployment.Image{}, fmt.Errorf("image %q: no such image", reference)
}

func (d *storeDouble) Files(_ context.Context, commit string) (install.ImageFiles, error) {
	d.looks++
	return view{d.images[commit], d}, nil
}

// view is an image that is looked at.
type view struct {
	fstest.MapFS
	store *storeDouble
}

func (v view) Close() error {
	v.store.looks--
	return nil
}

func (d *storeDouble) Checkout(_ context.Context, commit, dir string) error {
	if err := os.CopyFS(dir, d.images[commit]); err != nil {
		return err
	}
	for name, file := range d.images[commit] {
		if file.Mode.IsRegular() {
			if err := os.Chmod(filepath.Join(dir, name), file.Mode.Perm()); err != nil {
				return err
			}
		}
	}
	if d.checkedOut != nil {
		d.checkedOut(dir)
	}
	return d.effects.next("checkout %s", commit)
}

func (d *storeDouble) Hold(_ context.Context, name, commit string) error {
	d.held[name] = commit
	return d.effects.next("hold %s", name)
}

func (d *storeDouble) Release(_ context.Context, name string) error {
	delete(d.held, name)
	return d.effects.next("release %s", name)
}

// Sweep has nothing to do: a double leaves nothing behind.
func (d *storeDouble) Sweep(context.Context) error { return d.effects.next("sweep the store") }

func (d *storeDouble) Held(context.Context) ([]string, error) {
	var names []string
	for name := range d.held {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// VerifyCheckouts compares contents only.
func (d *storeDouble) VerifyCheckouts(_ context.Context, trees []install.CheckedOut) ([]install.Checked, error) {
	var list []install.Checked
	for _, tree := range trees {
		c := install.Checked{Digest: digest.FromString(tree.Commit).String()}
		for _, name := range slices.Sorted(maps.Keys(d.images[tree.Commit])) {
			want := d.images[tree.Commit][name]
			have, err := os.ReadFile(filepath.Join(tree.Dir, name))
			found := drift.Difference{Place: drift.Rootfs, Path: "/" + name, Aspect: drift.Content}
			switch {
			case !want.Mode.IsRegular() || err == nil && string(have) == string(want.Data):
				continue
			case errors.Is(err, fs.ErrNotExist):
				found.Aspect = drift.Missing
			}
			if d.damaged != "" {
				found.Aspect, found.Object = drift.Object, d.damaged
			}
			c.Differences = append(c.Differences, found)
		}
		list = append(list, c)
	}
	return list, nil
}

func (d *storeDouble) Refetch(_ context.Context, _ deployment.ImageRef, objects []string) ([]string, error) {
	if err := d.effects.next("refetch %v", objects); err != nil {
		return nil, err
	}
	d.damaged = ""
	return objects, nil
}

// mounterDouble remembers what would be mounted: target -> source.
type mounterDouble struct {
	effects *effects
	mounted map[string]string
}

func (d *mounterDouble) Bind(source, target string) error {
	if err := d.effects.next("bind"); err != nil {
		return err
	}
	d.mounted[target] = source
	return nil
}

func (d *mounterDouble) Unmount(target string) error {
	delete(d.mounted, target)
	return d.effects.next("unmount")
}

func (d *mounterDouble) Mounted() ([]string, error) {
	return slices.Collect(maps.Keys(d.mounted)), nil
}

// containersDouble is a runtime whose containers are names with the bundles that they run.
type containersDouble struct {
	bundles map[string]string
	probed  []string // RUNTIME NAME PROCESS
	entered []string // the same
	ran     []string // RUNTIME NAME BUNDLE UNIT
	deleted []string // RUNTIME NAME
	// run is what comes of a container that runs once, given its bundle; nil is well.
	run func(bundle string) (int, error)
	// probe is what comes of the next probes; nil is well.
	probe func(ctx context.Context) error
}

func (d *containersDouble) State(_ context.Context, _, container string) (install.ContainerState, error) {
	bundle, ok := d.bundles[container]
	return install.ContainerState{Running: ok, Bundle: bundle}, nil
}

func (d *containersDouble) Probe(ctx context.Context, runtime, container string, process []byte) error {
	d.probed = append(d.probed, runtime+" "+container+" "+string(process))
	if d.probe == nil {
		return nil
	}
	return d.probe(ctx)
}

func (d *containersDouble) Enter(runtime, container string, process []byte) error {
	d.entered = append(d.entered, runtime+" "+container+" "+string(process))
	return nil
}

func (d *containersDouble) Run(_ context.Context, runtime, container, bundle, unit string) (int, error) {
	d.ran = append(d.ran, runtime+" "+container+" "+bundle+" "+unit)
	if d.run == nil {
		return 0, nil
	}
	return d.run(bundle)
}

func (d *containersDouble) Delete(_ context.Context, runtime, container string) error {
	d.deleted = append(d.deleted, runtime+" "+container)
	return nil
}

// servicesDouble is a systemd that remembers.
type servicesDouble struct {
	effects *effects
	root    string
	state   map[string]string
	enabled map[string]bool
	loaded  map[string]string // unit -> what its file said at the last reload
	runs    map[string]string // unit -> what it was started from
}

func (d *servicesDouble) Reload(context.Context) error {
	d.loaded = map[string]string{}
	units, _ := filepath.Glob(filepath.Join(d.root, "etc/systemd/system/*.*"))
	for _, unit := range units {
		if text, err := os.ReadFile(unit); err == nil {
			d.loaded[filepath.Base(unit)] = string(text)
		}
	}
	return d.effects.next("reload")
}

func (d *servicesDouble) run(unit string) {
	d.state[unit], d.runs[unit] = "active", d.loaded[unit]
}

func (d *servicesDouble) Enable(_ context.Context, units []string) error {
	for _, unit := range units {
		d.enabled[unit] = true
	}
	return d.effects.next("enable %v", units)
}

func (d *servicesDouble) Disable(_ context.Context, units []string) error {
	for _, unit := range units {
		delete(d.enabled, unit)
	}
	return d.effects.next("disable %v", units)
}

func (d *servicesDouble) Start(_ context.Context, unit string) error {
	d.run(unit)
	return d.effects.next("start %s", unit)
}

func (d *servicesDouble) Restart(_ context.Context, unit string) error {
	d.run(unit)
	return d.effects.next("restart %s", unit)
}

func (d *servicesDouble) Stop(_ context.Context, unit string) error {
	delete(d.state, unit)
	return d.effects.next("stop %s", unit)
}

func (d *servicesDouble) Tmpfiles(_ context.Context, file string) error {
	return d.effects.next("tmpfiles %s", file)
}

func (d *servicesDouble) States(ctx context.Context, units []string) (map[string]install.Status, error) {
	states := map[string]install.Status{}
	for _, unit := range units {
		states[unit], _ = d.Status(ctx, unit)
	}
	return states, nil
}

func (d *servicesDouble) Status(_ context.Context, unit string) (install.Status, error) {
	return install.Status{Active: cmp.Or(d.state[unit], "inactive"), FileState: map[bool]string{true: "enabled", false: "disabled"}[d.enabled[unit]]}, nil
}

func (d *servicesDouble) Journal(context.Context, string, int) []string {
	return []string{"it went wrong"}
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
