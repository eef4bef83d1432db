package vm_test

import (
	"strconv"
	"strings"
)

const (
	dockerUnit = "/sys/fs/cgroup/system.slice/docker.service"
	busybox    = "localhost:5000/busybox"
)

// dockersContainers has Docker, as a system container, limit containers of its own, and systemd limit them all.
func (m *machine) dockersContainers() {
	m.t.Helper()
	m.must("systemctl", "start", "docker-registry", "docker")
	id := m.must("docker", "run", "--detach", "--name=small", "--memory=32m", "--pids-limit=50", "--cpus=0.5", busybox, "sleep", "100000")
	group := dockerUnit + "/containers/" + id
	m.same("where the container runs", m.must("cat", group+"/cgroup.procs"), m.must("docker", "inspect", "--format={{.State.Pid}}", "small"))
	m.same("--memory", m.must("cat", group+"/memory.max"), strconv.Itoa(32<<20))
	m.same("--pids-limit", m.must("cat", group+"/pids.max"), "50")
	m.same("--cpus", m.must("cat", group+"/cpu.max"), "50000 100000")
	m.same("what is in the unit's own group", m.must("cat", dockerUnit+"/cgroup.procs"), "")

	if hog := m.try("docker", "run", "--name=hog", "--memory=16m", busybox, "tail", "/dev/zero"); hog.Code != 128+9 {
		m.t.Errorf("a container without end of memory: %d, %s", hog.Code, hog.Stderr)
	}
	m.same("why it ended", m.must("docker", "inspect", "--format={{.State.OOMKilled}}", "hog"), "true")

	// A container that has no limit has that of the unit.
	m.must("systemctl", "set-property", "--runtime", "docker.service", "MemoryMax=300M")
	m.same("MemoryMax", m.must("cat", dockerUnit+"/memory.max"), strconv.Itoa(300<<20))
	pid := m.property("docker", "MainPID")
	if hog := m.try("docker", "run", "--rm", busybox, "tail", "/dev/zero"); hog.Code != 128+9 {
		m.t.Errorf("a container that wants more than the unit has: %d, %s", hog.Code, hog.Stderr)
	}
	m.same("Docker after that", m.property("docker", "MainPID"), pid)
	m.same("the other container", m.must("docker", "inspect", "--format={{.State.Running}}", "small"), "true")
	usage := m.must("docker", "stats", "--no-stream", "--format={{.MemUsage}}", "small")
	m.has("docker stats", usage, "/ 32MiB")
	if strings.HasPrefix(usage, "0B") {
		m.t.Errorf("docker stats: %s", usage)
	}
}
