package update_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

const state = "/var/lib/syscontainer/containers/etcd/"

// nextEtcd is etcd with another default and one more file for the host.
func nextEtcd(t *testing.T) string {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join("..", "..", "images", "etcd", "exports", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(manifest), `"default": "info"`, `"default": "warn"`, 1)
	if next == string(manifest) {
		t.Fatal("no default of etcd is info")
	}
	return extend(t, ociimage.Files{
		"exports/manifest.json":               next,
		"exports/hostfs/usr/local/share/etcd": "next\n",
	})
}

// running installs and starts etcd, and puts a key.
func running(t *testing.T) *hosttest.Machine {
	t.Helper()
	m := machine(t, "/var/lib/etcd")
	m.Must("syscontainer", "install", "--system", "--set", "ETCD_AUTO_COMPACTION_RETENTION=1", "etcd")
	m.Must("systemctl", "start", "etcd")
	m.Must("etcdctl", "put", "greeting", "hello")
	return m
}

// keeps demands that etcd serves its data, from the deployment with that number.
func keeps(t *testing.T, m *hosttest.Machine, deployment string) {
	t.Helper()
	hosttest.SameText(t, "the data", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")
	hosttest.SameText(t, "what is current", m.Must("readlink", state+"current"), "deploy/"+deployment)
	root := m.Must("stat", "-c", "%i", "/proc/"+m.Property("etcd", "MainPID")+"/root/exports/manifest.json")
	hosttest.SameText(t, "what runs", root, m.Must("stat", "-c", "%i", state+"deploy/"+deployment+"/rootfs/exports/manifest.json"))
	if left := m.Try("test", "-e", state+"pending.json"); left.Code == 0 {
		t.Error("the change is still pending")
	}
}

func TestEtcdKeepsItsDataOverUpdateAndRollback(t *testing.T) {
	m := running(t)
	same := m.Must("syscontainer", "update", "etcd")
	hosttest.Contains(t, "an update without a change", same, "the latest version is already installed")
	pid := m.Property("etcd", "MainPID")
	hosttest.SameText(t, "update --all without a change", m.Must("syscontainer", "update", "--all"), same)
	hosttest.SameText(t, "the main process", m.Property("etcd", "MainPID"), pid)
	keeps(t, m, "1")

	publish(t, m, nextEtcd(t), "etcd:latest")
	hosttest.Contains(t, "the update", m.Must("syscontainer", "update", "etcd"), "updated to docker://localhost:5000/etcd:latest (deployment 2 after 1)")
	keeps(t, m, "2")
	hosttest.SameText(t, "the new host file", m.Must("cat", "/usr/local/share/etcd"), "next")
	hosttest.Contains(t, "what was set, and the new default", m.Must("cat", "/etc/etcd/etcd.conf"), "log-level: 'warn'", "auto-compaction-retention: '1'")
	hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=etcd"), "Deactivated successfully")
	t.Logf("etcd was down for %v, of which it took %v to stop", downTime(t, m), stopTime(t, m))

	hosttest.Contains(t, "the rollback", m.Must("syscontainer", "rollback", "--wait", "1s", "etcd"), "(deployment 1 after 2)")
	keeps(t, m, "1")
	if left := m.Try("test", "-e", "/usr/local/share/etcd"); left.Code == 0 {
		t.Error("the rollback left the new host file")
	}
	m.Must("syscontainer", "rollback", "--wait", "1s", "etcd")
	keeps(t, m, "2")
	m.Must("syscontainer", "rollback", "--wait", "1s", "--to", "1", "etcd")
	keeps(t, m, "1")
	m.Must("ostree", "fsck", "--quiet", "--repo=/var/lib/syscontainer/repo")
}

// stamp is when something happened to the unit, by the clock that never jumps.
func stamp(t *testing.T, m *hosttest.Machine, name string) time.Duration {
	t.Helper()
	µs, err := strconv.ParseInt(m.Property("etcd", name+"Monotonic"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(µs) * time.Microsecond
}

// downTime is how long etcd was not ready when it was restarted last.
func downTime(t *testing.T, m *hosttest.Machine) time.Duration {
	t.Helper()
	return stamp(t, m, "ActiveEnterTimestamp") - stamp(t, m, "ActiveExitTimestamp")
}

// stopTime is how much of that it took to stop.
func stopTime(t *testing.T, m *hosttest.Machine) time.Duration {
	t.Helper()
	return stamp(t, m, "InactiveEnterTimestamp") - stamp(t, m, "ActiveExitTimestamp")
}
