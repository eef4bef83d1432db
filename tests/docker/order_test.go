package docker_test

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestFlannelComesBeforeDebiansDocker installs etcd and flannel beside the Docker and the containerd of Debian's
// packages, which know of neither.
func TestFlannelComesBeforeDebiansDocker(t *testing.T) {
	m := machine(t, host.Options{Network: hosttest.NewNetwork(t), Address: netip.MustParsePrefix("10.0.0.2/24")})
	m.Must("syscontainer", "install", "--system", "flannel")
	m.Must("syscontainer", "install", "--system", "etcd")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready := moment(t, m, "flannel", "ActiveEnterTimestampMonotonic")
	for _, unit := range []string{"docker", "containerd"} {
		m.Eventually("systemctl", "is-active", unit)
		if started := moment(t, m, unit, "InactiveExitTimestampMonotonic"); started < ready {
			t.Errorf("%s began at %d µs, flannel was ready at %d", unit, started, ready)
		}
	}
	if began := moment(t, m, "flannel", "InactiveExitTimestampMonotonic"); began < moment(t, m, "etcd", "ActiveEnterTimestampMonotonic") {
		t.Error("flannel did not wait for etcd")
	}
	hosttest.Contains(t, "Docker's dependencies", m.Must("systemctl", "show", "--property=Requires", "docker"), "flannel.service")

	m.Must("syscontainer", "uninstall", "flannel")
	m.Must("systemctl", "restart", "docker")
	m.Must("syscontainer", "uninstall", "etcd")
}

// moment is when something happened to a unit, in microseconds since the boot.
func moment(t *testing.T, m *hosttest.Machine, unit, property string) int64 {
	t.Helper()
	text := m.Property(unit, property)
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at == 0 {
		t.Fatalf("%s of %s is %q", property, unit, text)
	}
	return at
}
