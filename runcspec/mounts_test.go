package runcspec_test

import (
	"io/fs"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

func mountsOfAService() *specs.Spec {
	bind := []string{"rbind"}
	return &specs.Spec{
		Process: &specs.Process{Cwd: "/srv/app/"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts"},
			{Destination: "/device", Type: "bind", Source: "relative/to/bundle"},
			{Destination: "/var/lib/x", Type: "bind", Source: "/var/lib/x/", Options: bind},
			{Destination: "/var/lib/x/sub", Source: "/srv/sub", Options: bind},
			{Destination: "/etc/resolv.conf", Type: "bind", Source: "/etc/resolv.conf", Options: bind},
			{Destination: "/docker.sock", Type: "bind", Source: "/var/run/docker.sock"},
			{Destination: "/other", Type: "bind", Source: "/var/lib/x"},
			{Destination: "/run/systemd/notify", Type: "bind", Source: "/run/systemd/notify"},
		},
	}
}

func TestMountPoints(t *testing.T) {
	want := []runcspec.MountPoint{
		{Path: "/proc", Dir: true, Mode: 0o755},
		{Path: "/dev/shm", Dir: true, Mode: 0o777 | fs.ModeSticky},
		{Path: "/dev", Dir: true, Mode: 0o755},
		{Path: "/device", Dir: true, Mode: 0o755},
		{Path: "/var/lib/x", Source: "/var/lib/x", Dir: true, Mode: 0o755},
		{Path: "/etc/resolv.conf", Source: "/etc/resolv.conf", Mode: 0o644},
		{Path: "/docker.sock", Source: "/var/run/docker.sock", Mode: 0o644},
		{Path: "/other", Source: "/var/lib/x", Dir: true, Mode: 0o755},
		{Path: "/run/systemd/notify", Source: "/run/systemd/notify", Mode: 0o644},
		{Path: "/srv/app", Dir: true, Mode: 0o755},
	}
	if got := runcspec.MountPoints(mountsOfAService()); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, cwd := range []string{"/", "/var/lib/x/deep"} {
		spec := mountsOfAService()
		spec.Process.Cwd = cwd
		if got := runcspec.MountPoints(spec); !slices.Equal(got, want[:len(want)-1]) {
			t.Errorf("%s: got %+v", cwd, got)
		}
	}
}

func TestMountPointsOfTmpfsHaveItsMode(t *testing.T) {
	for options, want := range map[string]fs.FileMode{
		"":           0o777 | fs.ModeSticky,
		"mode=1777":  0o777 | fs.ModeSticky,
		"mode=0750":  0o750,
		"mode=x":     0o777 | fs.ModeSticky,
		"mode=77777": 0o777 | fs.ModeSticky,
	} {
		spec := &specs.Spec{Mounts: []specs.Mount{
			{Destination: "/tmp", Type: "tmpfs", Options: []string{"nosuid", options}},
		}}
		if got := runcspec.MountPoints(spec); len(got) != 1 || got[0].Mode != want {
			t.Errorf("%q: got %+v", options, got)
		}
	}
}

func TestBindSources(t *testing.T) {
	want := []runcspec.BindSource{
		{Path: "/var/lib/x", Destination: "/var/lib/x"},
		{Path: "/srv/sub", Destination: "/var/lib/x/sub"},
		{Path: "/etc/resolv.conf", Destination: "/etc/resolv.conf", System: true},
		{Path: "/var/run/docker.sock", Destination: "/docker.sock", System: true},
		{Path: "/run/systemd/notify", Destination: "/run/systemd/notify", System: true},
	}
	if got := runcspec.BindSources(mountsOfAService()); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestNoMounts(t *testing.T) {
	if got := runcspec.MountPoints(&specs.Spec{}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := runcspec.BindSources(&specs.Spec{}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
