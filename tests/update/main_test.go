// Package update_test is the proof that a change of a container gets through wholly or not at all: updates and
// rollbacks of services that run, on machines with a real systemd, a real registry and a real etcd.
package update_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed) }

// machine boots a host. At the end of the test everything is uninstalled, after which the disk must be as it was
// before the test but for what stays: data and images.
func machine(t *testing.T, stays ...string) *hosttest.Machine {
	t.Helper()
	t.Parallel()
	m := hosttest.Boot(t, bed.Lab, bed.Machine())
	stays = append(stays, "/var/lib/syscontainer", "/var/lib/docker-registry")
	before := m.Disk(stays...)
	t.Cleanup(func() {
		var containers []struct{ Name string }
		hosttest.Parse(t, m.Must("syscontainer", "list", "--json"), &containers)
		for _, c := range containers {
			m.Must("syscontainer", "uninstall", c.Name)
		}
		hosttest.Same(t, before, m.Disk(stays...))
		if left := m.Must("sh", "-c", "find /var/lib/syscontainer/containers -mindepth 1 2>/dev/null || true"); left != "" {
			t.Errorf("nothing is installed, but there are\n%s", left)
		}
		if held := m.Must("sh", "-c", "find /var/lib/syscontainer/repo/refs/heads/container -type f 2>/dev/null || true"); held != "" {
			t.Errorf("nothing is installed, but the repo holds\n%s", held)
		}
	})
	return m
}

// publish has the machine's registry serve an image under a name; a name that it has moves.
func publish(t *testing.T, m *hosttest.Machine, layout, name string) {
	t.Helper()
	if err := m.Push(t.Context(), host.Image{Layout: layout, Tag: "latest"}, name); err != nil {
		t.Fatal(err)
	}
}

// extend is the image etcd with other files on top.
func extend(t *testing.T, files ociimage.Files) string {
	t.Helper()
	base := bed.Image("etcd")
	layout := t.TempDir()
	if err := ociimage.Extend(layout, base.Layout, base.Tag, files); err != nil {
		t.Fatal(err)
	}
	return layout
}
