package runcspec_test

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

func TestCheckNamesEveryViolation(t *testing.T) {
	spec := &specs.Spec{
		Version: "2.0.0",
		Process: &specs.Process{
			Terminal: true,
			Env:      []string{"A=1", "B", "=x", "C=\x00"},
			Cwd:      "data",
			Capabilities: &specs.LinuxCapabilities{
				Bounding: []string{"CAP_KILL", "KILL"},
				Ambient:  []string{"cap_kill"},
			},
		},
		Root: &specs.Root{Path: "/srv/root"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"},
			{Destination: "data", Type: "tmpfs"},
			{Destination: "/a/../b", Type: "bind"},
			{Destination: "/", Type: "bind", Source: "/x/../y"},
			{Destination: "/c", Options: []string{"rbind"}, Source: "\x00"},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace},
			{Type: specs.PIDNamespace, Path: "run/x"},
			{Type: specs.CgroupNamespace, Path: "/proc/1/ns/cgroup"},
		}},
	}
	want := []string{
		`/ociVersion: "2.0.0" is not a version 1 of the specification`,
		`/process/terminal: must be false: a service has no terminal`,
		`/process/args: names no program`,
		`/process/env/1: "B" is not NAME=VALUE`,
		`/process/env/2: "=x" is not NAME=VALUE`,
		`/process/env/3: "C=\x00" has a NUL byte`,
		`/process/cwd: "data" is not an absolute path`,
		`/process/capabilities/bounding/1: "KILL" is not the name of a capability`,
		`/process/capabilities/ambient/0: "cap_kill" is not the name of a capability`,
		`/root/path: "/srv/root" must be "rootfs"`,
		`/root/readonly: must be true: the files are shared with other containers`,
		`/mounts/1/destination: "data" is not an absolute path in its shortest form`,
		`/mounts/2/destination: "/a/../b" is not an absolute path in its shortest form`,
		`/mounts/2/source: is missing: a bind mount needs it`,
		`/mounts/3/destination: "/" would hide the container's files`,
		`/mounts/3/source: "/x/../y" has a ".."`,
		`/mounts/4: "/c\x00rbind" has a NUL byte`,
		`/linux/namespaces/1: "pid" is there twice`,
		`/linux/namespaces/1/path: "run/x" is not an absolute path`,
		`/linux/namespaces/2/path: a cgroup namespace must be the container's own`,
		`/linux/namespaces: has no mount namespace`,
	}
	err := runcspec.Check(spec)
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got:\n%v", err)
	}
	var violation *runcspec.Violation
	if !errors.As(err, &violation) || violation.Pointer != "/ociVersion" {
		t.Errorf("got %#v", violation)
	}
}

func TestCheckOfNothing(t *testing.T) {
	want := `/ociVersion: "" is not a version 1 of the specification
/process: is missing
/root: is missing
/linux: is missing`
	if err := runcspec.Check(&specs.Spec{}); err == nil || err.Error() != want {
		t.Errorf("got:\n%v", err)
	}
}
