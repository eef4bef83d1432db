package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestCluster is three nodes with a member of etcd each, and containers on two of them that talk to each other.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := cluster(t)
	a, b, c := nodes[0], nodes[1], nodes[2]
	contains(t, "the cluster", a.Must("etcdctl", "member", "list"), "10.0.0.2", "10.0.0.3", "10.0.0.4")
	for _, m := range nodes[:2] {
		m.Must("syscontainer", "install", "--system", "--set", "FLANNELD_ETCD_ENDPOINTS="+endpoints(), "flannel")
		m.Must("syscontainer", "install", "--system", "--now", "docker")
	}

	t.Run("vxlan", func(t *testing.T) {
		talk(t, a.For(t), b.For(t))
		contains(t, "the route", a.Must("ip", "route", "show", "dev", "flannel.1"), networkOf(b.For(t)))
	})
	t.Run("a member is killed", func(t *testing.T) { losesNothing(t, a.For(t), b.For(t), c.For(t)) })
	t.Run("host-gw", func(t *testing.T) {
		a, b := a.For(t), b.For(t)
		a.Must("etcdctl", "put", networkKey, `{"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}}`)
		for _, m := range []*hosttest.Machine{a, b} {
			m.Must("systemctl", "restart", "flannel")
			m.Must("systemctl", "start", "docker")
		}
		talk(t, a, b)
		contains(t, "the route", a.Must("ip", "route", "show", "dev", "host0"), networkOf(b)+" via 10.0.0.3")
		if _, mtu := subnetOf(a); mtu != "1500" {
			t.Errorf("the MTU is %s", mtu)
		}
	})
}

// addresses are those of the nodes of a cluster.
var addresses = []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"}

func endpoints() string {
	return "http://" + strings.Join(addresses, ":2379,http://") + ":2379"
}

// cluster boots three machines, and returns when etcd runs on all of them.
func cluster(t *testing.T) []*hosttest.Machine {
	t.Helper()
	n := network(t)
	var members []string
	for i, address := range addresses {
		members = append(members, fmt.Sprintf("node%d=http://%s:2380", i+1, address))
	}
	var nodes []*hosttest.Machine
	for i, address := range addresses {
		name := fmt.Sprintf("node%d", i+1)
		m := machine(t, n, name, address)
		m.Must("syscontainer", "install", "--system",
			"--set", "ETCD_NAME="+name,
			"--set", "ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379,http://"+address+":2379",
			"--set", "ETCD_ADVERTISE_CLIENT_URLS=http://"+address+":2379",
			"--set", "ETCD_LISTEN_PEER_URLS=http://"+address+":2380",
			"--set", "ETCD_INITIAL_ADVERTISE_PEER_URLS=http://"+address+":2380",
			"--set", "ETCD_INITIAL_CLUSTER="+strings.Join(members, ","),
			"--set", "ETCD_REQUIRED_BY=", // flannel can do without this member
			"etcd")
		nodes = append(nodes, m)
	}
	for _, m := range nodes {
		m.Must("systemctl", "start", "--no-block", "etcd")
	}
	for _, m := range nodes {
		m.Must("systemctl", "start", "etcd") // returns when there is a leader
	}
	return nodes
}

// networkOf is the subnet of a node's containers.
func networkOf(m *hosttest.Machine) string {
	subnet, _ := subnetOf(m)
	return subnet[:strings.LastIndex(subnet, ".")] + ".0/24"
}

// talk has a container on one node ask one on another, which answers with what it sees of the asking one.
func talk(t *testing.T, from, to *hosttest.Machine) {
	t.Helper()
	to.Must("docker", "run", "--detach", "--name=server", image,
		"nc", "-ll", "-p", "7000", "-e", "/bin/busybox", "netstat", "-tn")
	address := containerAddress(t, to, "server")
	seen := from.Eventually("docker", "run", "--rm", image, "nc", "-w", "5", address, "7000")
	asking := strings.TrimSuffix(networkOf(from), "0/24")
	contains(t, "who asks, for the container that is asked", seen, address+":7000", asking)
	to.Must("docker", "rm", "--force", "server")
}

// losesNothing kills members of etcd while two containers ping each other.
func losesNothing(t *testing.T, a, b, c *hosttest.Machine) {
	b.Must("docker", "run", "--detach", "--name=target", image, "sleep", "100000")
	a.Must("docker", "run", "--detach", "--name=pinger", image, "ping", "-i", "0.1", containerAddress(t, b, "target"))
	for _, m := range []*hosttest.Machine{c, a} {
		m.Must("kill", "-KILL", property(m, "etcd", "MainPID"))
		b.Must("etcdctl", "--endpoints="+endpoints(), "put", "written", "while a member was away")
		await(t, m, "etcd is back", func() bool {
			return property(m, "etcd", "ActiveState") == "active" && property(m, "etcd", "NRestarts") != "0"
		})
	}
	a.Must("docker", "kill", "--signal=INT", "pinger")
	a.Must("docker", "wait", "pinger")
	contains(t, "the ping over the overlay", a.Must("docker", "logs", "--tail=3", "pinger"), " 0% packet loss")
	sameText(t, "flannel was not restarted", property(a, "flannel", "NRestarts"), "0")
	a.Must("docker", "rm", "pinger")
	b.Must("docker", "rm", "--force", "target")
}
