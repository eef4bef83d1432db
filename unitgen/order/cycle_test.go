package order_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// node is a host with the files that etcd, flannel and Docker have.
const node = `
-- etc/systemd/system/etcd.service --
[Unit]
After=network.target
Before=flannel.service docker.service
[Service]
Type=notify
ExecStart=/bin/etcd
-- etc/systemd/system/flannel.service --
[Unit]
Requires=etcd.service
After=etcd.service network-online.target
Before=docker.service
[Service]
Type=notify
ExecStart=/bin/flanneld
-- usr/lib/systemd/system/docker.service --
[Unit]
After=network-online.target firewalld.service
Wants=network-online.target
[Service]
ExecStart=/bin/dockerd
-- usr/lib/systemd/system/network.target --
[Unit]
-- usr/lib/systemd/system/network-online.target --
[Unit]
After=network.target
-- usr/lib/systemd/system/sysinit.target --
[Unit]
-- usr/lib/systemd/system/shutdown.target --
[Unit]
DefaultDependencies=no
-- usr/lib/systemd/system/early.service --
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
ExecStart=/bin/early
-- usr/lib/systemd/system/late.service --
[Unit]
DefaultDependencies=no
After=shutdown.target
Before=docker.service
[Service]
ExecStart=/bin/late
`

func TestNewCycle(t *testing.T) {
	for name, tc := range map[string]struct{ added, want string }{
		"none": {"-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nAfter=late.service\n", ""},
		"of two": {
			"-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nAfter=docker.service\n",
			"docker.service waits for etcd.service: Before= in /etc/systemd/system/etcd.service\n" +
				"etcd.service waits for docker.service: After= in /etc/systemd/system/etcd.service.d/x.conf",
		},
		"of three": {
			"-- etc/systemd/system/other.service --\n[Unit]\nAfter=docker.service\nBefore=flannel.service\n[Service]\nExecStart=/x\n",
			"docker.service waits for flannel.service: Before= in /etc/systemd/system/flannel.service\n" +
				"flannel.service waits for other.service: Before= in /etc/systemd/system/other.service\n" +
				"other.service waits for docker.service: After= in /etc/systemd/system/other.service",
		},
		"with a default": {
			"-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nBefore=early.service\n",
			"etcd.service waits for sysinit.target: default of a service\n" +
				"sysinit.target waits for early.service: Before= in /usr/lib/systemd/system/early.service\n" +
				"early.service waits for etcd.service: Before= in /etc/systemd/system/etcd.service.d/x.conf",
		},
		"by an alias": {
			"-- etc/systemd/system/kv.service --\n-> etcd.service\n-- usr/lib/systemd/system/docker.service.d/x.conf --\n[Unit]\nBefore=kv.service\n",
			"docker.service waits for etcd.service: Before= in /etc/systemd/system/etcd.service\n" +
				"etcd.service waits for docker.service: Before= in /usr/lib/systemd/system/docker.service.d/x.conf",
		},
		"with a unit that was only named": {
			"-- etc/systemd/system/firewalld.service --\n[Unit]\nAfter=docker.service\n",
			"docker.service waits for firewalld.service: After= in /usr/lib/systemd/system/docker.service\n" +
				"firewalld.service waits for docker.service: After= in /etc/systemd/system/firewalld.service",
		},
		"with a unit that is not there": {"-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nAfter=gone.service\nBefore=gone.service\n", ""},
		"through the shutdown":          {"-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nAfter=shutdown.target\n", ""},
		"through a target": {
			"-- etc/systemd/system/all.target --\n[Unit]\nWants=docker.service\n-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nAfter=all.target\n",
			"all.target waits for docker.service: a target comes after what it pulls in: Wants= in /etc/systemd/system/all.target\n" +
				"docker.service waits for etcd.service: Before= in /etc/systemd/system/etcd.service\n" +
				"etcd.service waits for all.target: After= in /etc/systemd/system/etcd.service.d/x.conf",
		},
	} {
		cycle := graphOf(node + tc.added).NewCycle(graphOf(node))
		if got := sortedLines(cycle.String()); got != sortedLines(tc.want) {
			t.Errorf("%s: got\n%s", name, cycle)
		}
		for i, edge := range cycle {
			if edge.Then != cycle[(i+1)%len(cycle)].First {
				t.Errorf("%s: no cycle: %v", name, cycle)
			}
		}
	}
}

// sortedLines forgets where a cycle begins.
func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	first := 0
	for i, line := range lines {
		if line < lines[first] {
			first = i
		}
	}
	return strings.Join(append(append([]string{}, lines[first:]...), lines[:first]...), "\n")
}

func TestACycleThatWasThereIsNotNew(t *testing.T) {
	broken := node + "-- etc/systemd/system/docker.service.d/x.conf --\n[Unit]\nBefore=etcd.service\n"
	harmless := broken + "-- etc/systemd/system/more.service --\n[Unit]\nAfter=docker.service\n[Service]\nExecStart=/x\n"
	if cycle := graphOf(harmless).NewCycle(graphOf(broken)); cycle != nil {
		t.Errorf("got\n%s", cycle)
	}
	if cycle := graphOf(broken).NewCycle(order.Load(nil).Graph()); cycle == nil {
		t.Error("on a host where nothing was before, it is new")
	}
}

func TestContradictions(t *testing.T) {
	g := graphOf(node + "-- etc/systemd/system/etcd.service.d/x.conf --\n[Unit]\nConflicts=flannel.service\n")
	got := strings.Join(g.Contradictions([]string{"etcd.service", "flannel.service"}), "\n")
	const want = "flannel.service needs etcd.service (Requires= in /etc/systemd/system/flannel.service) and cannot be up with it " +
		"(Conflicts= in /etc/systemd/system/etcd.service.d/x.conf)"
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if got := graphOf(node).Contradictions([]string{"etcd.service", "flannel.service", "docker.service"}); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestRestless(t *testing.T) {
	g := graphOf(node + `
-- etc/systemd/system/etcd.service.wants/flannel.service --
-> ../flannel.service
-- etc/systemd/system/node.target --
[Unit]
Wants=part.service docker.service
-- etc/systemd/system/part.service --
[Unit]
Requires=node.target
Wants=docker.service
`)
	const want = "etcd.service starts flannel.service (Wants= in /etc/systemd/system/etcd.service.wants/flannel.service), " +
		"which requires it (Requires= in /etc/systemd/system/flannel.service)"
	for _, name := range []string{"etcd.service", "flannel.service"} {
		if got := strings.Join(g.Restless([]string{name, "part.service"}), "\n"); got != want {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
	if got := g.Restless([]string{"docker.service"}); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestAround(t *testing.T) {
	part := graphOf(node).Around([]string{"etcd.service", "flannel.service"})
	const units = "network.target etcd.service network-online.target flannel.service docker.service"
	if got := strings.Join(part.Units, " "); got != units {
		t.Errorf("got the order %s", got)
	}
	var edges []string
	for _, edge := range part.Edges {
		edges = append(edges, edge.First+" "+edge.Then)
	}
	const want = "etcd.service docker.service, etcd.service flannel.service, flannel.service docker.service, network-online.target docker.service, " +
		"network-online.target flannel.service, network.target etcd.service, network.target network-online.target"
	if got := strings.Join(edges, ", "); got != want {
		t.Errorf("got the edges %s", got)
	}
	why := part.Edges[1].Reasons
	if len(why) != 3 || why[0].Setting != "Before" || why[1].Setting != "After" || why[2].Setting != "Requires" {
		t.Errorf("got the reasons %v", why)
	}
	broken := graphOf(node + "-- etc/systemd/system/docker.service.d/x.conf --\n[Unit]\nBefore=etcd.service\n").Around([]string{"etcd.service"})
	if broken.Cycle == nil || len(broken.Units) < 2 {
		t.Errorf("got %+v", broken)
	}
}
