package node_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// chain are the containers of a node in the order in which they start.
var chain = []string{"etcd", "flannel", "docker"}

// stays is what is left on a host when they are uninstalled: data, images, and what Docker writes at its first start.
var stays = []string{"/var/lib/etcd", "/var/lib/docker", "/opt/containerd", "/var/lib/syscontainer"}

// TestNode is the life of a node from the installation on.
func TestNode(t *testing.T) {
	t.Parallel()
	m := machine(t, hosttest.NewNetwork(t), "node", "10.0.0.2")
	clean := m.Disk(stays...)
	sameInAnyOrder(t, m)

	for _, command := range commandsOf(t, tutorial, "One node", "") {
		runAsWritten(t, m, command)
	}
	for _, unit := range chain {
		hosttest.SameText(t, unit+" after the boot", m.Property(unit, "ActiveState")+" "+m.Property(unit, "NRestarts"), "active 0")
	}
	startedInOrder(t, m)
	t.Run("the order is that of the page", func(t *testing.T) { hasThePagesOrder(t, m.For(t)) })
	t.Run("the network is flannel's", func(t *testing.T) { hasFlannelsNetwork(t, m.For(t)) })
	t.Run("the processes are in the unit", func(t *testing.T) { processesAreInTheUnit(t, m.For(t)) })

	m.Must("docker", "run", "--detach", "--name=survivor", "--stop-timeout=1", "--volume=/srv:/srv", image, "sleep", "100000")
	t.Run("etcd is killed", func(t *testing.T) { comesBackAfterKill(t, m.For(t)) })
	t.Run("etcd is stopped", func(t *testing.T) { stopsInReverse(t, m.For(t)) })
	t.Run("etcd is late", func(t *testing.T) { waitsForEtcdAtBoot(t, m.For(t)) })
	t.Run("Docker is replaced", func(t *testing.T) { outlivesDocker(t, m.For(t)) })

	m.Must("docker", "rm", "--force", "survivor")
	for _, name := range chain {
		m.Must("syscontainer", "uninstall", name)
	}
	hosttest.Same(t, clean, m.Disk(stays...))
}

// TestNodeWithCrun has another runtime run etcd, flannel and Docker.
func TestNodeWithCrun(t *testing.T) {
	t.Parallel()
	const runtime = "/usr/bin/crun"
	m := machine(t, hosttest.NewNetwork(t), "node", "10.0.0.2")
	for _, name := range chain {
		m.Must("syscontainer", "install", "--system", "--runtime="+runtime, name)
	}
	m.Must("systemctl", "start", "docker")
	for _, unit := range chain {
		hosttest.Contains(t, unit, m.Property(unit, "ExecStart"), "--runtime="+runtime)
	}
	startedInOrder(t, m)
	hasFlannelsNetwork(t, m)
	processesAreInTheUnit(t, m)
	m.Must("docker", "run", "--detach", "--name=survivor", image, "sleep", "100000")
	comesBackAfterKill(t, m)
	m.Must("docker", "rm", "--force", "survivor")
}

// image is what Docker runs.
const image = "localhost:5000/busybox"

// sameInAnyOrder installs the chain in several orders, and leaves it installed.
func sameInAnyOrder(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	var first host.Snapshot
	for _, order := range [][]string{{"docker", "flannel", "etcd"}, {"flannel", "docker", "etcd"}, {"etcd", "flannel", "docker"}} {
		if first != nil {
			for _, name := range chain {
				m.Must("syscontainer", "uninstall", name)
			}
		}
		for _, name := range order {
			m.Must("syscontainer", "install", "--system", name)
		}
		now := m.Disk(stays...)
		if first == nil {
			first = now
		}
		hosttest.Same(t, first, now)
	}
	for _, name := range chain {
		m.Must("systemd-analyze", "verify", "--recursive-errors=yes", name+".service")
	}
}

// startedInOrder asks systemd when each was ready, and when the next began.
func startedInOrder(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	for i := range chain[1:] {
		ready, began := moment(t, m, chain[i], "ActiveEnter"), moment(t, m, chain[i+1], "InactiveExit")
		if began < ready {
			t.Errorf("%s began %v before %s was ready", chain[i+1], ready-began, chain[i])
		}
		t.Logf("%s: ready %v after its start; %s began %v later", chain[i], ready-moment(t, m, chain[i], "InactiveExit"), chain[i+1], began-ready)
	}
	t.Logf("docker: ready %v after its start", moment(t, m, "docker", "ActiveEnter")-moment(t, m, "docker", "InactiveExit"))
}

// moment is when a unit entered or left a state, as the time since the boot.
func moment(t *testing.T, m *hosttest.Machine, unit, change string) time.Duration {
	t.Helper()
	text := m.Property(unit, change+"TimestampMonotonic")
	microseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || microseconds == 0 {
		t.Fatalf("%s of %s is %q", change, unit, text)
	}
	return time.Duration(microseconds) * time.Microsecond
}

// hasThePagesOrder has a kubelet of somebody else on the node, as docs/ordering.md has, which draws the same.
func hasThePagesOrder(t *testing.T, m *hosttest.Machine) {
	const kubelet = "/usr/lib/systemd/system/kubelet.service"
	write(t, m, kubelet, "[Unit]\nAfter=network-online.target\n[Service]\nExecStart=/usr/bin/kubelet\n")
	graph := m.Must("syscontainer", "graph")
	if !strings.Contains(readPage(t, "ordering.md"), "\n# syscontainer graph\n"+graph+"\n```\n") {
		t.Errorf("docs/ordering.md has another order than\n%s", graph)
	}
	m.Must("rm", kubelet)
}

func hasFlannelsNetwork(t *testing.T, m *hosttest.Machine) {
	subnet, mtu := subnetOf(m)
	hosttest.Contains(t, "docker0", m.Must("ip", "-4", "address", "show", "docker0"), "inet "+subnet+" ")
	addresses := m.Must("docker", "run", "--rm", image, "ip", "address", "show", "eth0")
	hosttest.Contains(t, "in a container", addresses, "mtu "+mtu+" ", "inet "+subnet[:strings.LastIndex(subnet, ".")]+".")
	if rules := m.Must("docker", "run", "--rm", "--network=host", "--privileged", "--volume=/:/image:ro", image,
		"chroot", "/image", "iptables", "-t", "nat", "-S", "POSTROUTING"); strings.Contains(rules, "docker0") {
		t.Errorf("Docker masquerades beside flannel:\n%s", rules)
	}
}

// subnetOf is what flannel says on the machine.
func subnetOf(m *hosttest.Machine) (subnet, mtu string) {
	for line := range strings.Lines(m.Must("cat", subnetFile)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "FLANNEL_SUBNET":
			subnet = value
		case "FLANNEL_MTU":
			mtu = value
		}
	}
	return subnet, mtu
}

func processesAreInTheUnit(t *testing.T, m *hosttest.Machine) {
	id := m.Must("docker", "run", "--detach", image, "sleep", "100000")
	pid := m.Must("docker", "inspect", "--format={{.State.Pid}}", id)
	hosttest.SameText(t, "the container's control group", controlGroup(m, pid), "/system.slice/docker.service/containers/"+id)
	dockerd := m.Property("docker", "MainPID")
	hosttest.SameText(t, "the main process", m.Must("cat", "/proc/"+dockerd+"/comm"), "dockerd")
	hosttest.SameText(t, "its control group", controlGroup(m, dockerd), "/system.slice/docker.service/engine")
	m.Must("docker", "rm", "--force", id)
}

func controlGroup(m *hosttest.Machine, pid string) string {
	return m.Must("sed", "-n", "s/^0:://p", "/proc/"+pid+"/cgroup")
}

// survivor is the pid of the container that is to outlive Docker.
func survivor(m *hosttest.Machine) string {
	return m.Must("docker", "inspect", "--format={{.State.Running}} {{.State.Pid}}", "survivor")
}

func comesBackAfterKill(t *testing.T, m *hosttest.Machine) {
	before := survivor(m)
	since := moment(t, m, "docker", "ActiveEnter")
	m.Must("kill", "-KILL", m.Property("etcd", "MainPID"))
	await(t, m, "docker was restarted", func() bool {
		return m.Property("docker", "ActiveState") == "active" && moment(t, m, "docker", "ActiveEnter") > since
	})
	startedInOrder(t, m)
	hosttest.SameText(t, "the container", survivor(m), before)
	m.Must("docker", "exec", "survivor", "/bin/busybox", "true")
}

// outlivesDocker kills and updates Docker, whose containers run on for as long as it has live restore.
func outlivesDocker(t *testing.T, m *hosttest.Machine) {
	m.Must("docker", "start", "survivor") // the machine was rebooted
	before := survivor(m)
	m.Must("kill", "-KILL", m.Property("docker", "MainPID"))
	await(t, m, "docker is back", func() bool {
		return m.Property("docker", "ActiveState") == "active" && m.Property("docker", "NRestarts") != "0"
	})
	hosttest.SameText(t, "the container after a kill of Docker", survivor(m), before)
	m.Must("syscontainer", "update", "--wait=1s", "--set=DOCKER_LOG_LEVEL=warn", "docker")
	hosttest.SameText(t, "the container after an update of Docker", survivor(m), before)

	m.Must("syscontainer", "update", "--wait=1s", "--set=DOCKER_LIVE_RESTORE=false", "docker")
	hosttest.SameText(t, "the container without live restore", survivor(m), "false 0")
}

func stopsInReverse(t *testing.T, m *hosttest.Machine) {
	before := survivor(m)
	m.Must("systemctl", "stop", "etcd")
	for i := range chain[1:] {
		hosttest.SameText(t, chain[i+1], m.Property(chain[i+1], "ActiveState"), "inactive")
		if moment(t, m, chain[i+1], "InactiveEnter") > moment(t, m, chain[i], "ActiveExit") {
			t.Errorf("%s ended after %s began to", chain[i+1], chain[i])
		}
	}
	_, pid, _ := strings.Cut(before, " ")
	m.Must("test", "-d", "/proc/"+pid) // the container, without Docker

	m.Must("systemctl", "start", "etcd")
	await(t, m, "docker is there with etcd", func() bool { return m.Property("docker", "ActiveState") == "active" })
	hosttest.SameText(t, "the container", survivor(m), before)
}

// waitsForEtcdAtBoot boots a node whose etcd fails three times before it comes.
func waitsForEtcdAtBoot(t *testing.T, m *hosttest.Machine) {
	const late = "/etc/systemd/system/etcd.service.d/late.conf"
	m.Must("sh", "-c", `printf '[Service]\nExecStartPre=/bin/sh -c "cat /proc/uptime >>/run/tries; test $$(wc -l </run/tries) -gt 3"\n' >`+late)
	begin := time.Now()
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	// With a container that does not mind SIGTERM, systemd alone would take 90 seconds.
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("the reboot took %v", took)
	}
	await(t, m, "etcd has come", func() bool { return m.Property("etcd", "ActiveState") == "active" })
	hosttest.SameText(t, "the restarts of etcd", m.Property("etcd", "NRestarts"), "3")
	m.Must("awk", "NR == 1 { first = $1 } END { exit $1 - first < 3 * 2 }", "/run/tries") // RestartSec= was heeded
	hosttest.Contains(t, "the journal", m.Must("journalctl", "--boot", "--unit=docker"), "Dependency failed for docker.service")
	await(t, m, "docker is there", func() bool { return m.Property("docker", "ActiveState") == "active" })
	startedInOrder(t, m)
	m.Must("rm", late)
}

// await waits up to a minute, on a machine that may be busy.
func await(t *testing.T, m *hosttest.Machine, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(100 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("not within a minute: %s\n%s", what, m.Must("systemctl", "status", "--no-pager", "etcd", "flannel", "docker"))
}

// containerAddress is where other containers find one.
func containerAddress(t *testing.T, m *hosttest.Machine, name string) string {
	t.Helper()
	var found []struct{ NetworkSettings struct{ IPAddress string } }
	if err := json.Unmarshal([]byte(m.Must("docker", "inspect", name)), &found); err != nil || len(found) != 1 {
		t.Fatalf("%v in what docker inspect %s says", err, name)
	}
	return found[0].NetworkSettings.IPAddress
}
