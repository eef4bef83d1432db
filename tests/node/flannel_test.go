package node_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const (
	subnetFile = "/run/flannel/subnet.env"
	networkKey = "/coreos.com/network/config"
)

// TestFlannelWaitsForEtcd starts flannel long before etcd, and gives it networks that are there already.
func TestFlannelWaitsForEtcd(t *testing.T) {
	t.Parallel()
	m := machine(t, hosttest.NewNetwork(t), "node", "10.0.0.2")
	m.Must("syscontainer", "install", "--system", "--set", "FLANNEL_MTU=1400", "flannel")
	m.Must("systemd-analyze", "verify", "--recursive-errors=yes", "flannel.service")

	m.Must("systemctl", "start", "--no-block", "flannel")
	m.Eventually("sh", "-c", "systemctl show --property=StatusText flannel | grep 'waiting for etcd: .*127.0.0.1:2379'")
	hosttest.SameText(t, "without etcd", m.Property("flannel", "ActiveState"), "activating")
	if found := m.Try("test", "-e", subnetFile); found.Code == 0 {
		t.Error("there is a subnet file without etcd")
	}

	m.Must("syscontainer", "install", "--system", "--now", "etcd")
	m.Must("systemctl", "start", "flannel") // waits for the start that is under way
	const wanted = `{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan","MTU":1400}}`
	hosttest.Contains(t, "the status", m.Property("flannel", "StatusText"), "put the network "+wanted+" into etcd")
	hosttest.SameText(t, "in etcd", networkInEtcd(m), wanted)
	hosttest.Contains(t, "the subnet file", m.Must("cat", subnetFile), "FLANNEL_NETWORK=10.244.0.0/16", "FLANNEL_MTU=1350")
	m.Must("ip", "link", "show", "flannel.1")

	m.Must("systemctl", "restart", "flannel")
	hosttest.Contains(t, "the status when it is there", m.Property("flannel", "StatusText"), "etcd has the network "+wanted)

	// Another network is another's decision.
	const other = `{"Network": "10.20.0.0/16", "Backend": {"Type": "host-gw"}}`
	m.Must("etcdctl", "put", networkKey, other)
	m.Must("systemctl", "restart", "flannel")
	hosttest.Contains(t, "the status with another network", m.Property("flannel", "StatusText"), "etcd has another network", other)
	hosttest.SameText(t, "in etcd", networkInEtcd(m), other)
	hosttest.Contains(t, "the subnet file", m.Must("cat", subnetFile), "FLANNEL_NETWORK=10.20.0.0/16")
	m.Must("systemctl", "stop", "etcd")
	hosttest.SameText(t, "after stopping etcd", m.Property("flannel", "ActiveState"), "inactive")
}

func networkInEtcd(m *hosttest.Machine) string {
	return m.Must("etcdctl", "get", "--print-value-only", networkKey)
}

// TestReadinessIsTheSubnetFile keeps flanneld from writing the file, which it does not mind.
func TestReadinessIsTheSubnetFile(t *testing.T) {
	t.Parallel()
	m := machine(t, hosttest.NewNetwork(t), "node", "10.0.0.2")
	m.Must("syscontainer", "install", "--system", "etcd")
	m.Must("syscontainer", "install", "--system", "flannel")
	m.Must("mkdir", "-p", "/run/flannel/.subnet.env") // what it writes before it renames
	m.Must("systemctl", "start", "etcd")
	m.Eventually("sh", "-c", "journalctl --unit=flannel | grep 'Failed to write subnet file'")
	m.Eventually("sh", "-c", "journalctl --unit=flannel | grep 'Failed with result'")
	m.Must("rmdir", "/run/flannel/.subnet.env")
	m.Eventually("systemctl", "is-active", "flannel")
	m.Must("test", "-s", subnetFile)
}
