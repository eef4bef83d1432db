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
	sameText(t, "the recovery", property(m, "syscontainer-recover", "Result"), "success")
	contains(t, "its log", m.Must("journalctl", "--unit=syscontainer-recover"), "Finished")

	m.Must("systemctl", "start", "etcd")
	m.Must("etcdctl", "endpoint", "health")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	sameText(t, "etcd after the next boot", property(m, "etcd", "ActiveState"), "active")
	sameText(t, "the recovery then", property(m, "syscontainer-recover", "ConditionResult"), "no")
}

func TestAnInterruptedInstallIsFinishedByTheNextCommand(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	installed := m.Disk("/var/lib/etcd")
	m.Must("sh", "-c", halfInstalled)
	contains(t, "recover", m.Must("syscontainer", "recover"), "etcd")
	hosttest.Same(t, installed, m.Disk("/var/lib/etcd"))
}

func TestUninstallOfHalfAnInstallation(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	m.Must("sh", "-c", halfInstalled)
	m.Must("syscontainer", "uninstall", "etcd") // and machine(t) looks for what is left
}
