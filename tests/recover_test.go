package tests_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const pending = "/var/lib/syscontainer/containers/etcd/pending.json"

// The host as it is when the power goes after a third of an installation: the deployment is complete, the change is
// written down, some of it is done.
const halfInstalled = `
	echo '{"from":0,"to":1}' >` + pending + `
	rm /var/lib/syscontainer/containers/etcd/current /etc/etcd/etcd.conf /etc/tmpfiles.d/etcd.conf
	systemctl disable --quiet etcd`

func TestAnInterruptedInstallIsFinishedAtBoot(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	installed := m.Disk("/var/lib/etcd")
	m.Must("sh", "-c", halfInstalled)
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosttest.Same(t, installed, m.Disk("/var/lib/etcd"))
	hosttest.SameText(t, "the recovery", m.Property("syscontainer-recover", "Result"), "success")
	hosttest.Contains(t, "its log", m.Must("journalctl", "--unit=syscontainer-recover"), "Finished")

	m.Must("systemctl", "start", "etcd")
	m.Must("etcdctl", "endpoint", "health")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosttest.SameText(t, "etcd after the next boot", m.Property("etcd", "ActiveState"), "active")
	hosttest.SameText(t, "the recovery then", m.Property("syscontainer-recover", "ConditionResult"), "no")
}

func TestAnInterruptedInstallIsFinishedByTheNextCommand(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	installed := m.Disk("/var/lib/etcd")
	m.Must("sh", "-c", halfInstalled)
	hosttest.Contains(t, "recover", m.Must("syscontainer", "recover"), "etcd")
	hosttest.Same(t, installed, m.Disk("/var/lib/etcd"))
}

func TestUninstallOfHalfAnInstallation(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	m.Must("sh", "-c", halfInstalled)
	m.Must("syscontainer", "uninstall", "etcd") // and machine(t) looks for what is left
}
