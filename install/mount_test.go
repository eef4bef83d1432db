package install_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// mountScene is a host with the container db, and its image.
func mountScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	return s
}

func (s *scene) mount(what, dir string) *install.Mount {
	s.t.Helper()
	m, err := s.Mount(s.t.Context(), what, dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func TestMountOfAContainerAndOfAnImage(t *testing.T) {
	s := mountScene(t)
	s.images.images["registry/db"] = dbImage()
	s.images.pulled["registry/db"] = "registry/db"
	mounts := filepath.Join(s.root, "var/lib/syscontainer/mounts")

	container := s.mount("db", "")
	if container.Container != "db" || container.Path != filepath.Join(mounts, "1/rootfs") ||
		s.mounter.mounted[container.Path] != filepath.Join(s.root, "var/lib/syscontainer/containers/db/deploy/1/rootfs") {
		t.Errorf("mounted %+v, %v", container, s.mounter.mounted)
	}
	if again := s.mount("db", ""); again.Path != container.Path {
		t.Errorf("mounted again at %s", again.Path)
	}
	dir := t.TempDir()
	image := s.mount("registry/db", dir)
	if source := s.mounter.mounted[dir]; image.Container != "" || source != filepath.Join(mounts, "2/rootfs") {
		t.Errorf("mounted %+v from %s", image, source)
	}
	if s.read("var/lib/syscontainer/mounts/2/rootfs/bin/db") != "elf" {
		t.Error("the image is not checked out")
	}

	if again := s.mount("registry/db", dir); again.Path != dir || len(s.mounter.mounted) != 2 {
		t.Errorf("mounted again: %+v, %v", again, s.mounter.mounted)
	}
	if _, err := s.Mount(t.Context(), "db", dir); err == nil || len(s.mounter.mounted) != 2 {
		t.Errorf("mounted over another image: %v", err)
	}
	if done, err := s.Unmount(t.Context(), ""); !errors.Is(err, install.ErrNotMounted) {
		t.Errorf("unmounting nothing: %v, %v", done, err)
	}

	for _, what := range []string{dir, "db"} {
		if done, err := s.Unmount(t.Context(), what); err != nil || len(done) != 1 {
			t.Errorf("unmounting %s: %v, %v", what, done, err)
		}
	}
	if _, err := s.Unmount(t.Context(), "db"); !errors.Is(err, install.ErrNotMounted) {
		t.Errorf("unmounting twice: %v", err)
	}
	if _, err := os.Stat(mounts); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left of the mounts: %v", err)
	}
}

func TestRebootEndsMounts(t *testing.T) {
	s := mountScene(t)
	s.mount("db", "")
	clear(s.mounter.mounted)
	if mounts, err := s.Mounts(t.Context()); err != nil || len(mounts) != 0 {
		t.Errorf("mounts: %v, %v", mounts, err)
	}
	if _, err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.root, "var/lib/syscontainer/mounts")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the checkout is left: %v", err)
	}
}

func TestAFailedMountLeavesNothing(t *testing.T) {
	s := mountScene(t)
	s.effects.fail = len(s.effects.done) + 1
	if _, err := s.Mount(t.Context(), "db", ""); !errors.Is(err, errInjected) {
		t.Errorf("mounting: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.root, "var/lib/syscontainer/mounts")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
	if _, err := s.Mount(t.Context(), "nothing", ""); err == nil {
		t.Error("mounted nothing")
	}
}

func TestVariables(t *testing.T) {
	got, err := deployment.Variables(deployment.Image{Reference: "db"}, with(dbImage(), nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := []deployment.Variable{{Name: "PORT", Default: "5432", Type: "string"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("variables %v, want %v", got, want)
	}
}
