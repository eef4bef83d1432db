package runcspec_test

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

func mountsOfAService() *specs.Spec {
	bind := []string{"rbind"}
	return &specs.Spec{
		Process: &specs.Process{Cwd: "/srv/work/"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"},
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
		{Path: "/proc", Dir: true},
		{Path: "/dev/shm", Dir: true},
		{Path: "/dev", Dir: true},
		{Path: "/device", Dir: true},
		{Path: "/var/lib/x", Source: "/var/lib/x", Dir: true},
		{Path: "/etc/resolv.conf", Source: "/etc/resolv.conf"},
		{Path: "/docker.sock", Source: "/var/run/docker.sock"},
		{Path: "/other", Source: "/var/lib/x", Dir: true},
		{Path: "/run/systemd/notify", Source: "/run/systemd/notify"},
		{Path: "/srv/work", Dir: true},
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
