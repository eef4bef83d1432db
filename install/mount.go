package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Mounter shows directories elsewhere. All paths are paths on disk.
type Mounter interface {
	// Bind shows source at target: read-only, without devices, and with setuid
	// programs that are none.
	Bind(source, target string) error
	// Unmount ends what Bind began.
	Unmount(target string) error
	// Mounted lists the directories on which something is mounted.
	Mounted() ([]string, error)
}

// Mount is the root of an image or of a container, to look at.
type Mount struct {
	Path       string              `json:"path"` // on disk
	Container  string              `json:"container"`
	Deployment int                 `json:"deployment,omitempty"`
	Image      deployment.ImageRef `json:"image"`

	number int
	own    bool // Path is ours
}

// ErrNotMounted says that nothing of that name is mounted.
var ErrNotMounted = errors.New("not mounted")

const mountFile = "mount.json"

// Mount shows the root of a container, or of an image in the store, read-only at
// dir, a directory on disk, or at one of ours when dir is "". What is mounted at
// the same place is not mounted again; what else is mounted at dir is an error. After an error nothing is left.
//
// A container's root is the one that its deployment has; uninstalling takes the
// files away. An image's is a checkout of its own, which stays as it is when the
// image is removed.
func (in *Installer) Mount(ctx context.Context, what, dir string) (*Mount, error) {
	var made *Mount
	err := in.Exclusively(ctx, func(ctx context.Context) error {
		m, err := in.mountable(ctx, what)
		if err != nil {
			return err
		}
		mounts, err := in.Mounts(ctx)
		if err != nil {
			return err
		}
		if made, err = already(mounts, m, dir); made != nil || err != nil {
			return err
		}
		m.number = 1
		if len(mounts) > 0 {
			m.number = mounts[len(mounts)-1].number + 1
		}
		m.Path = dir
		made = m
		return in.mount(ctx, m)
	})
	if err != nil {
		return nil, fmt.Errorf("mounting %s: %w", what, err)
	}
	return made, nil
}

// already returns the mount that shows what is wanted where it is wanted: at dir, or
// at a place of ours when that is "". It is an error when dir shows something else.
func already(mounts []Mount, wanted *Mount, dir string) (*Mount, error) {
	for i, m := range mounts {
		same := m.Container == wanted.Container && m.Deployment == wanted.Deployment && m.Image.Commit == wanted.Image.Commit
		switch {
		case dir == "" && m.own && same, m.Path == dir && same:
			return &mounts[i], nil
		case m.Path == dir:
			return nil, hint.Add(fmt.Errorf("something else is mounted at %s already", dir), "syscontainer unmount %s", dir)
		}
	}
	return nil, nil
}

// mountable finds out what is to be mounted: a container's name goes before an
// image's.
func (in *Installer) mountable(ctx context.Context, what string) (*Mount, error) {
	if unitgen.CheckName(what) == nil {
		record, err := in.currentRecord(what)
		if err == nil {
			return &Mount{Container: what, Deployment: record.Deployment, Image: record.Image}, nil
		}
		if !errors.Is(err, ErrNotInstalled) {
			return nil, err
		}
	}
	image, err := in.Images.Find(ctx, what)
	if err != nil {
		return nil, err
	}
	return &Mount{Image: deployment.ImageRef{Reference: image.Reference, Digest: image.Digest.String(), Commit: image.Commit}}, nil
}

func (in *Installer) mount(ctx context.Context, m *Mount) error {
	state := in.Paths.Mount(m.number)
	err := in.mountInto(ctx, m, state)
	if err != nil {
		return errors.Join(err, in.Tree.RemoveAll(state))
	}
	return nil
}

func (in *Installer) mountInto(ctx context.Context, m *Mount, state string) error {
	if _, err := in.Tree.MkdirAll(state, statePerm); err != nil {
		return err
	}
	own, err := in.Tree.Path(path.Join(state, deployment.RootfsDir))
	if err != nil {
		return err
	}
	if m.Path == "" {
		m.Path, m.own = own, true
	}
	source := own
	if m.Container == "" {
		err = in.Images.Checkout(ctx, m.Image.Commit, own)
	} else {
		source, err = in.Tree.Path(path.Join(in.Paths.Deployment(m.Container, m.Deployment), deployment.RootfsDir))
		err = errors.Join(err, os.Mkdir(own, statePerm))
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := in.Tree.WriteFile(path.Join(state, mountFile), data, 0o600); err != nil {
		return err
	}
	return in.Mounter.Bind(source, m.Path)
}

// Mounts lists what is mounted, in the order in which that was done.
func (in *Installer) Mounts(context.Context) ([]Mount, error) {
	live, _, err := in.readMounts()
	return live, err
}

// readMounts tells what is mounted from what is left of mounts that a reboot, or
// somebody else, has ended.
func (in *Installer) readMounts() (live []Mount, left []string, err error) {
	entries, err := in.Tree.ReadDir(in.Paths.Mounts())
	if err != nil || len(entries) == 0 {
		return nil, nil, err
	}
	mounted, err := in.Mounter.Mounted()
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		state := path.Join(in.Paths.Mounts(), entry.Name())
		own, err := in.Tree.Path(path.Join(state, deployment.RootfsDir))
		if err != nil {
			return nil, nil, err
		}
		m, err := in.readMount(state)
		if m.number, _ = strconv.Atoi(entry.Name()); err != nil && !slices.Contains(mounted, own) {
			left = append(left, state)
			continue
		}
		if m.Path == "" {
			m.Path = own
		}
		if m.own = m.Path == own; !slices.Contains(mounted, m.Path) {
			left = append(left, state)
			continue
		}
		live = append(live, m)
	}
	slices.SortFunc(live, func(a, b Mount) int { return a.number - b.number })
	return live, left, nil
}

func (in *Installer) readMount(state string) (Mount, error) {
	var m Mount
	data, err := in.Tree.ReadFile(path.Join(state, mountFile))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(data, &m)
}

// sweepMounts removes the checkouts of which nothing is mounted any more. The
// caller has the lock.
func (in *Installer) sweepMounts() error {
	_, left, err := in.readMounts()
	if err != nil {
		return err
	}
	for _, state := range left {
		if err := in.Tree.RemoveAll(state); err != nil {
			return err
		}
	}
	return nil
}

// Unmount ends every mount of a container or an image, or the one at a path on
// disk. It returns them, also with an error.
func (in *Installer) Unmount(ctx context.Context, what string) ([]Mount, error) {
	var done []Mount
	err := in.Exclusively(ctx, func(ctx context.Context) error {
		mounts, err := in.Mounts(ctx)
		if err != nil {
			return err
		}
		chosen, err := in.chooseMounts(ctx, mounts, what)
		if err != nil {
			return err
		}
		for _, m := range chosen {
			if err := in.unmount(m); err != nil {
				return err
			}
			done = append(done, m)
		}
		return nil
	})
	if err != nil {
		return done, fmt.Errorf("unmounting %s: %w", what, err)
	}
	return done, nil
}

func (in *Installer) chooseMounts(ctx context.Context, mounts []Mount, what string) ([]Mount, error) {
	choose := func(fits func(Mount) bool) []Mount {
		return slices.DeleteFunc(slices.Clone(mounts), func(m Mount) bool { return !fits(m) })
	}
	if path.IsAbs(what) {
		what = path.Clean(what)
	}
	chosen := choose(func(m Mount) bool { return m.Path == what })
	if len(chosen) == 0 {
		chosen = choose(func(m Mount) bool { return m.Container != "" && m.Container == what })
	}
	if len(chosen) == 0 {
		chosen = choose(func(m Mount) bool { return m.Container == "" && m.Image.Reference == what })
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	if image, err := in.Images.Find(ctx, what); err == nil {
		chosen = choose(func(m Mount) bool { return m.Container == "" && m.Image.Digest == image.Digest.String() })
	}
	if len(chosen) == 0 {
		return nil, hint.Add(ErrNotMounted, "see what is, with: syscontainer mount")
	}
	return chosen, nil
}

func (in *Installer) unmount(m Mount) error {
	if err := in.Mounter.Unmount(m.Path); err != nil {
		return err
	}
	return in.Tree.RemoveAll(in.Paths.Mount(m.number))
}

// Exclusively runs do as the only writer on this host, after tidying up what
// crashes and reboots left. Whatever takes something out of the image store goes
// through it: an installation pulls an image and holds it in two steps, and nobody
// must come in between.
func (in *Installer) Exclusively(ctx context.Context, do func(context.Context) error) error {
	unlock, err := in.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := errors.Join(in.sweepMounts(), in.sweepRuns(ctx), in.releaseOrphans(ctx)); err != nil {
		return fmt.Errorf("tidying up: %w", err)
	}
	return do(ctx)
}
