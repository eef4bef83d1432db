package ordering_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/unitgen"
)

// A chain of services in which each has the drop-in that brings the next one back.
func TestDependentsComeBack(t *testing.T) {
	m := chain(t)
	m.Must("systemctl", "start", "docker")
	is(t, m, "started", "active active active")

	m.Must("touch", "/run/etcd.down")
	m.Must("systemctl", "kill", "--signal=KILL", "etcd")
	time.Sleep(1500 * time.Millisecond)
	is(t, m, "while etcd does not start", "activating inactive inactive")
	if n := strings.Count(m.Must("journalctl", "--unit=etcd", "--output=cat"), "Failed to start"); n < 1 || n > 3 {
		t.Errorf("systemd tried to start etcd %d times in 1.5 s, with RestartSec=500ms", n)
	}
	m.Must("rm", "/run/etcd.down")
	m.Eventually("systemctl", "is-active", "docker")
	is(t, m, "when etcd is back", "active active active")

	m.Must("systemctl", "stop", "flannel")
	time.Sleep(time.Second)
	is(t, m, "when an administrator stopped flannel", "active inactive inactive")
	m.Must("systemctl", "stop", "etcd")
	time.Sleep(time.Second)
	is(t, m, "when an administrator stopped etcd", "inactive inactive inactive")
	m.Must("systemctl", "disable", "docker")
	m.Must("systemctl", "start", "etcd")
	m.Eventually("systemctl", "is-active", "flannel")
	is(t, m, "when docker is disabled", "active active inactive")
}

func TestDependentsStartWhenTheirDependencyIsLate(t *testing.T) {
	m := chain(t)
	m.Must("sh", "-c", "echo 'f /run/etcd.down' > /etc/tmpfiles.d/down.conf")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	is(t, m, "after a boot at which etcd does not start", "activating inactive inactive")
	m.Must("rm", "/run/etcd.down")
	m.Eventually("systemctl", "is-active", "docker")
	is(t, m, "when etcd is there", "active active active")
}

// An upgrade of systemd or of the C library has systemd execute itself anew, and what asks it in that moment gets no
// answer. Here the moment is a second, and always the one in which etcd becomes ready.
func TestDependentsComeBackWhileSystemdIsAway(t *testing.T) {
	m := chain(t)
	m.Must("mkdir", "-p", "/run/systemd/system/etcd.service.d")
	m.Must("sh", "-c", "printf '[Service]\nExecStartPost=/bin/sh /usr/local/bin/away\n' >/run/systemd/system/etcd.service.d/10-away.conf")
	m.Must("systemctl", "daemon-reload")
	m.Must("systemctl", "start", "--no-block", "etcd")
	m.Eventually("test", "-e", "/run/was-away")
	m.Eventually("systemctl", "is-active", "docker")
	is(t, m, "when systemd is back", "active active active")
}

// One that was removed by hand holds nothing up.
func TestADependentThatIsNotThereIsLeftAlone(t *testing.T) {
	m := chain(t)
	m.Must("rm", "/etc/systemd/system/flannel.service")
	m.Must("systemctl", "daemon-reload")
	m.Must("systemctl", "start", "etcd")
	is(t, m, "without a flannel", "active inactive inactive")
	if said := m.Must("journalctl", "--unit=etcd", "--output=cat"); strings.Contains(said, "syscontainer-launch") {
		t.Errorf("the journal of etcd has\n%s", said)
	}
}

// chain is a machine with etcd, flannel and docker, enabled and not started.
func chain(t *testing.T) *hosttest.Machine {
	t.Helper()
	t.Parallel()
	dir := layer(t, "testdata/comeback.txtar")
	for first, then := range map[string]string{"etcd": "flannel", "flannel": "docker"} {
		text, err := unitgen.BringBack(deployment.LauncherPath, then+".service")
		if err != nil {
			t.Fatal(err)
		}
		dropIns := filepath.Join(dir, "etc/systemd/system", first+".service.d")
		if err := os.Mkdir(dropIns, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dropIns, "20-syscontainer.conf"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := hosttest.Boot(t, bed.Lab, host.Options{Layers: []string{bed.Product, dir}})
	m.Must("systemctl", "enable", "etcd", "flannel", "docker")
	return m
}

func is(t *testing.T, m *hosttest.Machine, when, want string) {
	t.Helper()
	if got := strings.Fields(m.Try("systemctl", "is-active", "etcd", "flannel", "docker").Stdout); strings.Join(got, " ") != want {
		t.Errorf("%s: etcd, flannel and docker are %s", when, got)
	}
}
