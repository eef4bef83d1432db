// Package tests_test is the proof from outside: the programs as make install installs them, on machines with a real
// systemd, a real registry and real images. Every test leaves its machine as it found it, or says what it leaves.
package tests_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed) }

// What stays on a host when everything is uninstalled: the data of the containers, and the images.
var stays = []string{
	"/var/lib/etcd", "/var/lib/etcd2", "/var/lib/postgres", "/var/lib/redis", "/var/lib/syscontainer",
}

// machine boots a host. At the end of the test it uninstalls every container, after which the disk must be as it was
// before the test but for what stays.
func machine(t *testing.T) *hosttest.Machine {
	t.Helper()
	return machineWith(t, nil)
}

// machineWith is a machine that sees folders of this one: path inside -> path here.
func machineWith(t *testing.T, mounts map[string]string) *hosttest.Machine {
	t.Helper()
	o := bed.Machine()
	o.Mounts = mounts
	return machineOf(t, o)
}

// machineOf is machine for a host of another kind.
func machineOf(t *testing.T, o host.Options) *hosttest.Machine {
	t.Helper()
	t.Parallel()
	m := hosttest.Boot(t, bed.Lab, o)
	before := m.Disk(stays...)
	t.Cleanup(func() {
		for _, c := range list(t, m) {
			verifyUnits(t, m, c.Name)
			m.Must("syscontainer", "uninstall", c.Name)
		}
		hosttest.Same(t, before, m.Disk(stays...))
		if left := m.Must("sh", "-c", "find /var/lib/syscontainer/containers -mindepth 1 2>/dev/null || true"); left != "" {
			t.Errorf("nothing is installed, but there are\n%s", left)
		}
		if units := m.Must("systemctl", "list-units", "--all", "--plain", "--no-legend", "etcd*"); units != "" {
			t.Errorf("nothing is installed, but systemd has\n%s", units)
		}
	})
	return m
}

// verifyUnits reports an error unless systemd understands all of a container's units.
func verifyUnits(t *testing.T, m *hosttest.Machine, name string) {
	t.Helper()
	type unit struct{ Name string }
	var shown struct {
		Unit  string
		Units []unit
	}
	result := m.Try("syscontainer", "show", "--json", name)
	if result.Code != 0 { // broken, which is what its test is about
		return
	}
	hosttest.Parse(t, result.Stdout, &shown)
	units := []string{}
	for _, u := range append(shown.Units, unit{shown.Unit}) {
		if u.Name != "" {
			units = append(units, u.Name)
		}
	}
	if len(units) == 0 {
		return
	}
	result = m.Try(append([]string{"systemd-analyze", "verify", "--recursive-errors=yes"}, units...)...)
	if result.Code != 0 {
		t.Errorf("the units of %s:\n%s%s", name, result.Stdout, result.Stderr)
	}
}

// container is a line of `syscontainer list --json`.
type container struct {
	Name    string `json:"name"`
	Image   string `json:"image"`
	Digest  string `json:"digest"`
	State   string `json:"state"`
	Enabled string `json:"enabled"`
}

func list(t *testing.T, m *hosttest.Machine) []container {
	t.Helper()
	var containers []container
	hosttest.Parse(t, m.Must("syscontainer", "list", "--json"), &containers)
	return containers
}
