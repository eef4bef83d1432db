package vm_test

import (
	"strconv"
	"strings"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const (
	dockerUnit = "/sys/fs/cgroup/system.slice/docker.service"
	busybox    = "localhost:5000/busybox"
)

// dockersContainers has Docker, as a system container, limit containers of its own, and systemd limit them all.
func (m *machine) dockersContainers() {
	m.t.Helper()
	m.Must("systemctl", "start", "docker-registry", "docker")
	id := m.Must("docker", "run", "--detach", "--name=small", "--memory=64m", "--pids-limit=50", "--cpus=0.5", busybox, "sleep", "100000")
	group := dockerUnit + "/containers/" + id
	hosttest.SameText(m.t, "where the container runs", m.Must("cat", group+"/cgroup.procs"), m.Must("docker", "inspect", "--format={{.State.Pid}}", "small"))
	hosttest.SameText(m.t, "--memory", m.Must("cat", group+"/memory.max"), strconv.Itoa(64<<20))
	hosttest.SameText(m.t, "--pids-limit", m.Must("cat", group+"/pids.max"), "50")
	hosttest.SameText(m.t, "--cpus", m.Must("cat", group+"/cpu.max"), "50000 100000")
	hosttest.SameText(m.t, "what is in the unit's own group", m.Must("cat", dockerUnit+"/cgroup.procs"), "")

	if hog := m.Try("docker", "run", "--name=hog", "--memory=64m", busybox, "tail", "/dev/zero"); hog.Code != 128+9 {
		m.t.Errorf("a container without end of memory: %d, %s", hog.Code, hog.Stderr)
	}
	hosttest.SameText(m.t, "why it ended", m.Must("docker", "inspect", "--format={{.State.OOMKilled}}", "hog"), "true")

	// A container that has no limit has that of the unit.
	m.Must("systemctl", "set-property", "--runtime", "docker.service", "MemoryMax=300M")
	hosttest.SameText(m.t, "MemoryMax", m.Must("cat", dockerUnit+"/memory.max"), strconv.Itoa(300<<20))
	pid := m.Property("docker", "MainPID")
	if hog := m.Try("docker", "run", "--rm", busybox, "tail", "/dev/zero"); hog.Code != 128+9 {
		m.t.Errorf("a container that wants more than the unit has: %d, %s", hog.Code, hog.Stderr)
	}
	hosttest.SameText(m.t, "Docker after that", m.Property("docker", "MainPID"), pid)
	hosttest.SameText(m.t, "the other container", m.Must("docker", "inspect", "--format={{.State.Running}}", "small"), "true")
	usage := m.Must("docker", "stats", "--no-stream", "--format={{.MemUsage}}", "small")
	hosttest.Contains(m.t, "docker stats", usage, "/ 64MiB")
	if strings.HasPrefix(usage, "0B") {
		m.t.Errorf("docker stats: %s", usage)
	}
}
