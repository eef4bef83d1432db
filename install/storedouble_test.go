package install_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing/fstest"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

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
	closed  error  // why nothing can be asked
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
	return names, d.closed
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
