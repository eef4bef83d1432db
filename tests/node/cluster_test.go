package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestCluster is the three nodes of docs/node.md, with a member of etcd each, and containers on two of them that talk
// to each other.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := cluster(t)
	a, b, c := nodes[0], nodes[1], nodes[2]
	hosttest.Contains(t, "the cluster", a.Must("etcdctl", "member", "list"), addresses...)

	t.Run("vxlan", func(t *testing.T) {
		talk(t, a.For(t), b.For(t))
		hosttest.Contains(t, "the route", a.Must("ip", "route", "show", "dev", "flannel.1"), networkOf(b.For(t)))
	})
	t.Run("a member is killed", func(t *testing.T) { losesNothing(t, a.For(t), b.For(t), c.For(t)) })
	if hosttest.Long() {
		t.Run("members are updated", func(t *testing.T) {
			updatesOneByOne(t, []*hosttest.Machine{a.For(t), b.For(t), c.For(t)})
		})
	}
	t.Run("host-gw", func(t *testing.T) {
		a, b := a.For(t), b.For(t)
		for _, command := range commandsOf(t, tutorial, "Three nodes", "node1")[5:] {
			a.Must("sh", "-c", command) // changes the network in etcd, and restarts flannel
		}
		b.Must("systemctl", "restart", "flannel")
		for _, m := range []*hosttest.Machine{a, b} {
			m.Must("systemctl", "start", "docker")
		}
		talk(t, a, b)
		hosttest.Contains(t, "the route", a.Must("ip", "route", "show", "dev", "host0"), networkOf(b)+" via 10.0.0.3")
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

// cluster boots three machines, and installs on them what the page says. It returns when all is ready on the first two.
// The third has etcd alone, which saves a minute.
func cluster(t *testing.T) []*hosttest.Machine {
	t.Helper()
	n := hosttest.NewNetwork(t)
	settings, commands := settingsOf(t, tutorial, 0), commandsOf(t, tutorial, "Three nodes", "node1")
	var nodes []*hosttest.Machine
	for i, address := range addresses {
		name := fmt.Sprintf("node%d", i+1)
		m := machine(t, n, name, address)
		// All but the list of the members is the node's own.
		own, members, _ := strings.Cut(settings, "ETCD_INITIAL_CLUSTER")
		own = strings.NewReplacer("node1", name, addresses[0], address).Replace(own)
		m.Must("sh", "-c", "cat >/etc/node.toml <<'END'\n"+own+"ETCD_INITIAL_CLUSTER"+members+"END")
		for _, command := range commands[:3] {
			if i < 2 || strings.HasSuffix(command, " etcd") {
				m.Must("sh", "-c", command)
			}
		}
		nodes = append(nodes, m)
	}
	for i, m := range nodes {
		m.Must("systemctl", "start", "--no-block", []string{"docker", "docker", "etcd"}[i])
	}
	for _, m := range nodes[:2] {
		m.Must("systemctl", "start", "etcd")
		m.Must("sh", "-c", commands[3])
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
	var address string
	for _, command := range commandsOf(t, tutorial, "Three nodes", "node2") {
		address = to.Must("sh", "-c", command)
	}
	ask := strings.Replace(commandsOf(t, tutorial, "Three nodes", "node1")[4], "ADDRESS", address, 1)
	seen := from.Eventually("sh", "-c", ask)
	asking := strings.TrimSuffix(networkOf(from), "0/24")
	hosttest.Contains(t, "who asks, for the container that is asked", seen, address+":7000", asking)
	to.Must("docker", "rm", "--force", "server")
}

// losesNothing kills members of etcd while two containers ping each other.
func losesNothing(t *testing.T, a, b, c *hosttest.Machine) {
	b.Must("docker", "run", "--detach", "--name=target", image, "sleep", "100000")
	a.Must("docker", "run", "--detach", "--name=pinger", image, "ping", "-i", "0.1", containerAddress(t, b, "target"))
	for _, m := range []*hosttest.Machine{c, a} {
		m.Must("kill", "-KILL", m.Property("etcd", "MainPID"))
		// An election may come first.
		b.Eventually("etcdctl", "--endpoints="+endpoints(), "put", "written", "while a member was away")
		await(t, m, "etcd is back", func() bool {
			return m.Property("etcd", "ActiveState") == "active" && m.Property("etcd", "NRestarts") != "0"
		})
	}
	a.Must("docker", "kill", "--signal=INT", "pinger")
	a.Must("docker", "wait", "pinger")
	hosttest.Contains(t, "the ping over the overlay", a.Must("docker", "logs", "--tail=3", "pinger"), " 0% packet loss")
	hosttest.SameText(t, "flannel was not restarted", a.Property("flannel", "NRestarts"), "0")
	a.Must("docker", "rm", "pinger")
	b.Must("docker", "rm", "--force", "target")
}
