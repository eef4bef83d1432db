package tests_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// What happens to files over the years, while etcd runs from them.
const tamper = `
	set -e
	cd /var/lib/syscontainer/containers/etcd/deploy/1
	echo evil >>rootfs/exports/manifest.json       # in place: the repo's object
	cp rootfs/exports/service.template /tmp/copy
	rm rootfs/exports/service.template
	(cat /tmp/copy; echo evil) >rootfs/exports/service.template
	rm /tmp/copy
	echo x >rootfs/usr/bin/extra
	chown 7 rootfs/usr
	rm config.json
	echo evil >>/etc/systemd/system/etcd.service
	rm /usr/local/bin/etcdctl
	echo 'ETCD_NAME=mine' >>/etc/etcd/etcd.conf`

func TestVerifyNamesWhatWasTamperedWithAndRepairMendsIt(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	installed := m.Disk("/var/lib/etcd")
	pid := m.Property("etcd", "MainPID")
	hosttest.SameText(t, "verify", m.Must("syscontainer", "verify"), "etcd, deployment 1 (current): ok")

	m.Must("sh", "-c", tamper)
	found := m.Try("syscontainer", "verify", "etcd")
	if found.Code != 1 {
		t.Errorf("verify ends with %d", found.Code)
	}
	const rootfs = "/var/lib/syscontainer/containers/etcd/deploy/1/rootfs"
	hosttest.Contains(t, "verify", found.Stdout, "etcd, deployment 1 (current): 8 differences",
		rootfs+"/exports/manifest.json: it is the repo's object ",
		rootfs+"/exports/service.template: content is sha256:",
		rootfs+"/usr/bin/extra: a file that was not installed",
		rootfs+"/usr: owner is 7:0, expected 0:0",
		"/deploy/1/config.json: missing, expected file",
		"/etc/systemd/system/etcd.service: content is sha256:",
		"/usr/local/bin/etcdctl: missing, expected file",
		"/etc/etcd/etcd.conf: content is sha256:", " (changed by the administrator)")

	repaired := m.Try("syscontainer", "verify", "--repair")
	if repaired.Code != 1 {
		t.Errorf("verify --repair ends with %d", repaired.Code)
	}
	hosttest.Contains(t, "verify --repair", repaired.Stdout, "etcd, deployment 1 (current): 1 difference\n", "systemctl restart etcd")
	hosttest.Contains(t, "what is left", repaired.Stderr, "hint: to put back what was changed on the host: syscontainer verify --repair etcd /etc/etcd/etcd.conf\n")
	if mended := strings.Count(repaired.Stdout, "  repaired: "); mended != 7 {
		t.Errorf("%d are mended:\n%s%s", mended, repaired.Stdout, repaired.Stderr)
	}
	hosttest.SameText(t, "the process", m.Property("etcd", "MainPID"), pid)
	hosttest.SameText(t, "systemd's view of the unit", m.Property("etcd", "NeedDaemonReload"), "no")

	m.Must("systemctl", "disable", "etcd")
	hosttest.Contains(t, "of a unit that is disabled", m.Try("syscontainer", "verify", "--repair").Stderr, "hint: to enable what was disabled: systemctl enable etcd.service\n")
	m.Must("systemctl", "enable", "etcd")
	m.Must("syscontainer", "verify", "--repair", "etcd", "/etc/etcd/etcd.conf")
	m.Must("syscontainer", "images", "verify")
	hosttest.Same(t, installed, m.Disk("/var/lib/etcd"))
	m.Must("systemctl", "restart", "etcd")
	m.Must("etcdctl", "endpoint", "health")
	hosttest.SameText(t, "verify, at last", m.Must("syscontainer", "verify"), "etcd, deployment 1 (current): ok")
}

func TestVerifyOfAHostThatDoesNotRun(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	m.Must("mount", "--bind", "/", "/mnt")
	defer m.Must("umount", "/mnt")
	hosttest.SameText(t, "verify", m.Must("syscontainer", "--root", "/mnt", "verify"), "etcd, deployment 1 (current): ok")
}
