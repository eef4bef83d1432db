package tests_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// target is where a machine sees the root of another one that is not booted.
const target = "/mnt"

// machineAndTarget boots a machine that sees a root that is not booted.
func machineAndTarget(t *testing.T) (*hosttest.Machine, *host.Root) {
	t.Helper()
	t.Parallel()
	root, err := bed.Lab.Root(bed.Product)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	o := bed.Machine()
	o.Mounts = map[string]string{target: root.Dir}
	return hosttest.Boot(t, bed.Lab, o), root
}

// etcdIsUp boots the root and uses the etcd in it.
func etcdIsUp(t *testing.T, root *host.Root) {
	t.Helper()
	m := hosttest.Boot(t, bed.Lab, host.Options{Root: root})
	hosttest.SameText(t, "state after boot", m.Property("etcd", "ActiveState"), "active")
	m.Must("etcdctl", "put", "greeting", "hello")
	hosttest.SameText(t, "get", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")
	hosttest.SameText(t, "failed units", m.Must("systemctl", "--failed", "--plain", "--no-legend"), "")
	m.Must("ostree", "fsck", "--quiet", "--repo="+repo)
	hosttest.Contains(t, "list", m.Must("syscontainer", "list"), "etcd", "active")
}

func TestInstallBelowRootTouchesNothingElse(t *testing.T) {
	m, root := machineAndTarget(t)
	before := m.Disk(target)
	// A request on the bus would be the manager's to answer; without a bus there is nobody.
	m.Must("systemctl", "stop", "dbus.socket", "dbus.service")
	reloads := managerLog(m)
	m.Must("syscontainer", "--root", target, "install", "--system", "etcd")
	hosttest.SameText(t, "what systemd did meanwhile", managerLog(m), reloads)
	hosttest.Same(t, before, m.Disk(target))
	hosttest.Contains(t, "list", m.Must("syscontainer", "--root", target, "list"), "etcd")
	if err := m.Poweroff(t.Context()); err != nil {
		t.Fatal(err)
	}
	etcdIsUp(t, root)
}

// managerLog is what systemd wrote about units that come and go, and about reading them anew.
func managerLog(m *hosttest.Machine) string {
	return m.Must("sh", "-c", "journalctl _PID=1 --output=cat | grep -i -e reload -e reexec -e etcd || true")
}

func TestInstallInAChroot(t *testing.T) {
	m, root := machineAndTarget(t)
	before := m.Disk(target)
	bare := m.Try("chroot", target, "syscontainer", "install", "--system", "etcd")
	hosttest.Contains(t, "without /proc", bare.Stderr, "syscontainer: there is no /proc\n", "mount -t proc proc /proc")
	// As an installer's post-installation script runs: with /proc, without a systemd.
	m.Must("unshare", "--mount", "sh", "-c",
		"mount -t proc proc "+target+"/proc; chroot "+target+" syscontainer install --system etcd")
	hosttest.Same(t, before, m.Disk(target))
	if err := m.Poweroff(t.Context()); err != nil {
		t.Fatal(err)
	}
	etcdIsUp(t, root)
}

func TestRootGivesTheSameFilesAsALiveInstall(t *testing.T) {
	m, root := machineAndTarget(t)
	installed := func(root *host.Root, install func()) string {
		before := hosttest.Disk(t, root, target)
		install()
		var paths []string
		for _, line := range before.Diff(hosttest.Disk(t, root, target)) {
			path, _, _ := strings.Cut(line, ":")
			if !strings.HasPrefix(path, repo) {
				paths = append(paths, path)
			}
		}
		return strings.Join(paths, "\n")
	}
	below := installed(root, func() { m.Must("syscontainer", "--root", target, "install", "--system", "etcd") })
	live := installed(m.Root, func() { installEtcd(m) })
	hosttest.SameText(t, "the paths below --root", below, live)
}

func TestUninstallBelowRoot(t *testing.T) {
	m, root := machineAndTarget(t)
	before := hosttest.Disk(t, root, stays...)
	m.Must("syscontainer", "--root", target, "install", "--system", "etcd")
	m.Must("syscontainer", "--root", target, "uninstall", "etcd")
	hosttest.Same(t, before, hosttest.Disk(t, root, stays...))
}

func TestAnAbsoluteLinkInTheRootStaysBelowIt(t *testing.T) {
	m, _ := machineAndTarget(t)
	m.Must("mv", target+"/usr/local/bin", target+"/usr/local/other")
	m.Must("ln", "-s", "/usr/local/other", target+"/usr/local/bin")
	m.Must("mkdir", "/usr/local/other")
	before := m.Disk(target)
	m.Must("syscontainer", "--root", target, "install", "--system", "etcd")
	hosttest.Same(t, before, m.Disk(target))
	m.Must("test", "-x", target+"/usr/local/other/etcdctl")
}
