package tests_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// Without systemd's own socket the system's bus leads to systemd, and it has to be asked
// to tell when a job ends.
func TestTheSystemBusWillDo(t *testing.T) {
	m := machine(t)
	m.Must("mv", "/run/systemd/private", "/run/systemd/aside")
	t.Cleanup(func() { m.Must("mv", "/run/systemd/aside", "/run/systemd/private") })
	m.Must("syscontainer", "install", "--system", "--now", "etcd")
	hosttest.Contains(t, "list", m.Must("syscontainer", "list"), "etcd", "active", "enabled")
	m.Must("syscontainer", "update", "--wait", "0s", "--set", "ETCD_LOG_LEVEL=warn", "etcd")
	hosttest.Contains(t, "show", m.Must("syscontainer", "show", "etcd"), "active", "ETCD_LOG_LEVEL")
	m.Must("syscontainer", "uninstall", "etcd")
}
