package imagestore_test

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestRemotePlatforms: a list is described by what is in it, also without an image
// for this host.
func TestRemotePlatforms(t *testing.T) {
	for _, test := range []struct {
		archs []string
		want  []string
		id    bool
	}{
		{[]string{runtime.GOARCH, "s390x"}, []string{"linux/" + runtime.GOARCH, "linux/s390x"}, true},
		{[]string{"s390x", "mips"}, []string{"linux/mips", "linux/s390x"}, false},
	} {
		store, _ := newStore(t)
		l := newLayout(t)
		list := imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex}
		for _, arch := range test.archs {
			d := l.manifest(t, arch, gz(t, fileItem("f", arch)))
			d.Platform = &imgspec.Platform{OS: "linux", Architecture: arch}
			list.Manifests = append(list.Manifests, d)
		}
		found, err := store.Inspect(t.Context(), l.tag(t, "latest", l.json(t, imgspec.MediaTypeImageIndex, list)))
		do(t, err)
		slices.Sort(test.want)
		if !slices.Equal(found.Platforms, test.want) || found.IndexDigest == "" || (found.ID != "") != test.id {
			t.Errorf("%v: %+v", test.archs, found)
		}
	}
}

// twoNames is one image under two names, and another one.
func twoNames(t *testing.T, store *imagestore.Store) (one, again, other imagestore.Image) {
	t.Helper()
	l := newLayout(t)
	m := l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")))
	one, again = pull(t, store, l.tag(t, "one", m)), pull(t, store, l.tag(t, "again", m))
	return one, again, pull(t, store, l.tag(t, "other", l.manifest(t, runtime.GOARCH, gz(t, fileItem("g", strings.Repeat("2", 1000))))))
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRemoveOneOfTwoNames(t *testing.T) {
	store, repo := newStore(t)
	one, again, _ := twoNames(t, store)
	do(t, store.Hold(t.Context(), "etcd/1", one.Commit))
	do(t, store.Remove(t.Context(), one.Reference)) // the other name is left
	var used *imagestore.InUseError
	if err := store.Remove(t.Context(), again.Reference); !errors.As(err, &used) {
		t.Fatalf("the last name of an image in use: %v", err)
	}
	do(t, store.Release(t.Context(), "etcd/1"))
	do(t, store.Remove(t.Context(), again.Reference))
	fsck(t, repo)
}

func TestPruneLeavesWhatIsInUse(t *testing.T) {
	store, repo := newStore(t)
	one, again, other := twoNames(t, store)
	do(t, store.Hold(t.Context(), "etcd/1", one.Commit))
	do(t, store.Undo(t.Context(), one))
	do(t, store.Undo(t.Context(), again))

	pruned, err := store.Prune(t.Context(), imagestore.PruneOptions{})
	if err != nil || pruned.Images != nil || pruned.Objects != 0 {
		t.Errorf("pruned what is named or held: %+v, %v", pruned, err)
	}
	pruned, err = store.Prune(t.Context(), imagestore.PruneOptions{Unused: true})
	if err != nil || !slices.Equal(pruned.Images, []string{other.Reference}) || pruned.Bytes < 1000 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	reports, err := store.Verify(t.Context())
	if err != nil || len(reports) == 0 || slices.ContainsFunc(reports, func(v imagestore.Verified) bool { return len(v.Faults) > 0 }) {
		t.Errorf("what is left: %+v, %v", reports, err)
	}
	fsck(t, repo)

	do(t, store.Release(t.Context(), "etcd/1"))
	pruned, err = store.Prune(t.Context(), imagestore.PruneOptions{})
	if err != nil || len(pruned.Images) != 1 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if _, err := os.Stat(repo); err == nil {
		t.Error("an empty repo is left")
	}
}

func TestPruneTakesAnImageThatLostItsName(t *testing.T) {
	store, _ := newStore(t)
	l := newLayout(t)
	first := pull(t, store, l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")))))
	l.index.Manifests = nil
	second := pull(t, store, l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "2")))))
	if second.Added || second.Previous != first.Digest {
		t.Errorf("pulled again: %+v", second)
	}
	images, err := store.Inventory(t.Context())
	if err != nil || len(images) != 2 || len(images[1].Names) != 0 || images[1].Digest != first.Digest {
		t.Fatalf("inventory: %+v, %v", images, err)
	}
	pruned, err := store.Prune(t.Context(), imagestore.PruneOptions{})
	if err != nil || len(pruned.Images) != 1 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if images, err := store.Inventory(t.Context()); err != nil || len(images) != 1 || images[0].Digest != second.Digest {
		t.Errorf("left: %+v, %v", images, err)
	}
}

func TestTaggedNameNeedsNobody(t *testing.T) {
	store, _ := newStore(t)
	one, _, other := twoNames(t, store)
	for _, bad := range []string{"docker://x/y", "x@" + one.Digest, "", "UPPER", "a b"} {
		if _, err := store.Tag(t.Context(), one.Reference, bad); err == nil {
			t.Errorf("%q became a name", bad)
		}
	}
	tagged, err := store.Tag(t.Context(), one.Reference, "registry.invalid/mine")
	do(t, err)
	if tagged.Reference != "registry.invalid/mine:latest" || tagged.Commit != one.Commit {
		t.Errorf("tagged: %+v", tagged)
	}
	for _, text := range []string{"registry.invalid/mine", "registry.invalid/mine:latest"} {
		if img := pull(t, store, text); img.Commit != one.Commit || img.Added || img.Reference != tagged.Reference {
			t.Errorf("pulling %q: %+v", text, img)
		}
	}
	moved, err := store.Tag(t.Context(), other.Reference, "registry.invalid/mine")
	if err != nil || moved.Commit != other.Commit {
		t.Errorf("moved: %+v, %v", moved, err)
	}
	do(t, store.Remove(t.Context(), "registry.invalid/mine"))
	if _, err := store.Find(t.Context(), other.Reference); err != nil {
		t.Errorf("removing one name took the image: %v", err)
	}
}

func TestFindByPrefix(t *testing.T) {
	store, _ := newStore(t)
	one, _, other := twoNames(t, store)
	images, err := store.Inventory(t.Context())
	do(t, err)
	for _, image := range images {
		for _, text := range []string{image.ID, image.Digest, image.ID[7:19], image.Digest[:19]} {
			if img, err := store.Find(t.Context(), text); err != nil || img.Digest != image.Digest {
				t.Errorf("finding %q: %+v, %v", text, img, err)
			}
			if img := pull(t, store, text); img.Digest != image.Digest {
				t.Errorf("pulling %q: %+v", text, img)
			}
		}
	}
	var many *imagestore.ManyNamesError
	if err := store.Remove(t.Context(), one.Digest); !errors.As(err, &many) || len(many.Names) != 2 {
		t.Errorf("removing one of two names by digest: %v", err)
	}
	do(t, store.Remove(t.Context(), other.Digest))
	if _, err := store.Find(t.Context(), other.Reference); !errors.Is(err, imagestore.ErrNotFound) {
		t.Errorf("removed by digest: %v", err)
	}
	if _, err := store.Find(t.Context(), "sha256:00000000"); !errors.Is(err, imagestore.ErrNotFound) {
		t.Errorf("finding nothing: %v", err)
	}
}

func TestInventory(t *testing.T) {
	store, _ := newStore(t)
	shared := gz(t, fileItem("shared", strings.Repeat("s", 100)))
	l := newLayout(t)
	a := pull(t, store, l.tag(t, "a", l.manifest(t, runtime.GOARCH, shared)))
	pull(t, store, l.tag(t, "b", l.manifest(t, runtime.GOARCH, shared, gz(t, fileItem("own", strings.Repeat("o", 10))))))
	do(t, store.Hold(t.Context(), "x/1", a.Commit))
	do(t, store.Hold(t.Context(), "x/2", a.Commit))
	images, err := store.Inventory(t.Context())
	if err != nil || len(images) != 2 {
		t.Fatalf("inventory: %+v, %v", images, err)
	}
	for i, want := range []struct {
		size, unique uint64
		containers   []string
	}{{100, 0, []string{"x"}}, {110, 10, nil}} {
		if got := images[i]; got.Size != want.size || got.Unique != want.unique || !slices.Equal(got.Containers, want.containers) {
			t.Errorf("image %d: %+v", i, got)
		}
	}
}

func TestInspectIsTheSameHereAndThere(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	ref := l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")), zst(t, fileItem("g", "2"))))
	remote, err := store.Inspect(t.Context(), ref)
	do(t, err)
	if _, err := os.Stat(filepath.Dir(repo)); err == nil {
		t.Error("looking made a directory")
	}
	img := pull(t, store, ref)
	local, err := store.Inspect(t.Context(), ref)
	do(t, err)
	if remote.Local || !local.Local || local.Digest != img.Digest || local.Commit != img.Commit {
		t.Errorf("remote %+v\nlocal %+v", remote, local)
	}
	if len(local.Layers) != 2 || local.Layers[0].DiffID == "" || local.Layers[0].Size == 0 || local.Size != local.Layers[0].Size+local.Layers[1].Size {
		t.Errorf("layers %+v of %d bytes", local.Layers, local.Size)
	}
	if remote.Digest != local.Digest || remote.ID != local.ID || remote.Size != local.Size || !slices.Equal(remote.Cmd, local.Cmd) ||
		!slices.Equal(remote.Platforms, []string{"linux/" + runtime.GOARCH}) {
		t.Errorf("remote %+v\nlocal %+v", remote, local)
	}
	_, err = store.Inspect(t.Context(), "oci:"+t.TempDir()+":x")
	if !errors.Is(err, imagestore.ErrForm) || !strings.HasPrefix(err.Error(), "inspecting ") {
		t.Errorf("inspecting nothing: %v", err)
	}
}

func TestInspectCountsWhatWasLeftOut(t *testing.T) {
	store, _ := newStore(t)
	device := func(name string, kind byte) item {
		return item{Header: tar.Header{Name: name, Typeflag: kind, Mode: 0o600}}
	}
	img := pull(t, store, image(t,
		gz(t, device("null", tar.TypeChar), device("disk", tar.TypeBlock), device("pipe", tar.TypeFifo), fileItem("f", "x")),
		gz(t, fileItem("g", "y"))))
	found, err := store.Inspect(t.Context(), img.Reference)
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{found.Layers[0].Skipped, found.Layers[1].Skipped}; !slices.Equal(got, []int{3, 0}) {
		t.Errorf("left out %v", got)
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name, ref string // the ref whose commit is harmed, and how
		harm      func(t *testing.T, repo, commit string)
		want      string
	}{
		{"a layer that is gone", "layer/", func(t *testing.T, repo, ref string) {
			do(t, os.Remove(filepath.Join(repo, "refs/heads", ref)))
		}, "layer sha256:"},
		{"a file that changed", "", func(t *testing.T, repo, _ string) {
			files, err := filepath.Glob(filepath.Join(repo, "objects/*/*.file"))
			do(t, err)
			for _, file := range files {
				if content, err := os.ReadFile(file); err == nil && string(content) == "1" {
					do(t, os.WriteFile(file, []byte("evil"), 0o644))
				}
			}
		}, "/f: object "},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, repo := newStore(t)
			ref := image(t, gz(t, fileItem("f", "1")))
			img := pull(t, store, ref)
			reports, err := store.Verify(t.Context(), ref)
			if err != nil || len(reports[0].Faults) != 0 || reports[0].Objects == 0 || reports[0].Digest != img.Digest {
				t.Fatalf("a sound image: %+v, %v", reports, err)
			}
			found, err := filepath.Glob(filepath.Join(repo, "refs/heads", test.ref, "sha256/*"))
			do(t, err)
			name := ""
			if len(found) > 0 {
				name, err = filepath.Rel(filepath.Join(repo, "refs/heads"), found[0])
				do(t, err)
			}
			test.harm(t, repo, name)
			reports, err = store.Verify(t.Context())
			if err != nil || len(reports) != 1 || !strings.Contains(strings.Join(reports[0].Faults, "\n"), test.want) {
				t.Errorf("%+v, %v", reports, err)
			}
		})
	}
}

func TestScratchOfTheKilledIsSweptUp(t *testing.T) {
	store, repo := newStore(t)
	parent := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(repo))))
	left := filepath.Join(parent, "syscontainer-scratch-1")
	do(t, os.Mkdir(left, 0o700))
	do(t, os.WriteFile(filepath.Join(left, "x"), nil, 0o600))
	used := filepath.Join(parent, "syscontainer-scratch-2")
	do(t, os.Mkdir(used, 0o700))
	lock, err := os.Open(used)
	do(t, err)
	defer lock.Close()
	do(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	pull(t, store, image(t, gz(t, fileItem("f", "1"))))
	if _, err := os.Stat(used); err != nil {
		t.Errorf("the directory of another command: %v", err)
	}
	do(t, os.Remove(used))
	if found, err := filepath.Glob(filepath.Join(parent, "syscontainer-scratch-*")); err != nil || found != nil {
		t.Errorf("left: %q, %v", found, err)
	}
}

// TestPullsAndPrunesAtOnce: a pull that succeeds had the image whole, whatever is
// removed meanwhile.
func TestPullsAndPrunesAtOnce(t *testing.T) {
	store, repo := newStore(t)
	l := newLayout(t)
	shared := gz(t, fileItem("shared", "1"))
	var refs []string
	for _, tag := range []string{"a", "b", "c"} {
		refs = append(refs, l.tag(t, tag, l.manifest(t, runtime.GOARCH, shared, gz(t, fileItem("own", tag)))))
	}
	var group sync.WaitGroup
	for _, own := range refs {
		group.Go(func() {
			for range 10 {
				if _, err := store.Pull(t.Context(), own); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pulled := make(chan struct{})
	go func() { group.Wait(); close(pulled) }()
	for done := false; !done; {
		select {
		case <-pulled:
			done = true
		default:
		}
		if _, err := store.Prune(t.Context(), imagestore.PruneOptions{Unused: true}); err != nil {
			t.Fatal(err)
		}
	}
	img := pull(t, store, l.tag(t, "last", l.manifest(t, runtime.GOARCH, shared)))
	if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, []string{"shared=1"}) {
		t.Errorf("the image: %q", got)
	}
	fsck(t, repo)
}
