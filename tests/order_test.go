package tests_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

func TestOrderOnAMachine(t *testing.T) {
	m := machine(t)
	before := m.Disk(stays...)
	refused := m.Try("syscontainer", "install", "--system", "--before", "systemd-journald.socket", "etcd")
	hosttest.Contains(t, "the refusal", refused.Stderr, "installing etcd: no order of the host's units would be left in which all of them can start:",
		"  systemd-journald.socket waits for etcd.service: Before= in /etc/systemd/system/etcd.service.d/10-syscontainer.conf",
		"hint: systemd would leave one of these units out")
	if refused.Code != 1 {
		t.Errorf("exit status %d", refused.Code)
	}
	hosttest.Same(t, before, m.Disk(stays...))
	m.Must("syscontainer", "install", "--system", "--after", "docker-registry.service", "etcd")
	hosttest.Contains(t, "graph", m.Must("syscontainer", "graph"), "docker-registry.service", "─ etcd.service",
		"After= in /etc/systemd/system/etcd.service.d/10-syscontainer.conf")
	hosttest.Contains(t, "graph --dot", m.Must("syscontainer", "graph", "--dot", "etcd"), `"docker-registry.service" -> "etcd.service"`)
}
