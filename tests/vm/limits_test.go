package vm_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

const (
	unit      = "/sys/fs/cgroup/system.slice/etcd.service"
	container = unit + "/container"
)

// limits is a drop-in, as `systemctl edit` writes it.
const limits = `mkdir -p /etc/systemd/system/etcd.service.d
printf '[Service]\nMemoryMax=192M\nTasksMax=64\nCPUQuota=150%%\n' >/etc/systemd/system/etcd.service.d/50-limits.conf
systemctl daemon-reload`

// inside runs a script in the container's control group; the kernel takes it, and not etcd, when memory is short.
func inside(script string) string {
	return "echo 1000 >/proc/self/oom_score_adj; echo $$ >" + container + "/cgroup.procs; " + script
}

func TestWhatSystemdLimitsIsLimited(t *testing.T) {
	m := newMachine(t)
	m.boot()
	m.Must("syscontainer", "install", "--system", "etcd")
	m.Must("sh", "-c", limits)
	m.Must("systemctl", "start", "etcd")
	pid := m.Property("etcd", "MainPID")
	hosttest.SameText(m.t, "where etcd runs", m.Must("cat", container+"/cgroup.procs"), pid)
	hosttest.SameText(m.t, "MemoryMax", m.Must("cat", unit+"/memory.max"), strconv.Itoa(192<<20))
	hosttest.SameText(m.t, "TasksMax", m.Must("cat", unit+"/pids.max"), "64")
	hosttest.SameText(m.t, "CPUQuota", m.Must("cat", unit+"/cpu.max"), "150000 100000")

	if hog := m.Try("sh", "-c", inside("exec tail /dev/zero")); hog.Code == 0 {
		t.Error("there is no end of memory")
	}
	hosttest.Contains(m.t, "what the kernel did", m.Must("cat", unit+"/memory.events"), "\noom_kill 1\n")
	forks := m.Try("sh", "-c", inside("for n in $(seq 100); do sleep 1000 >/dev/null 2>&1 & done"))
	hosttest.Contains(m.t, "too many processes", forks.Stderr, "Cannot fork")
	m.Must("sh", "-c", "pkill sleep")
	hosttest.SameText(m.t, "etcd after that", m.Property("etcd", "MainPID"), pid)

	if used, err := strconv.Atoi(m.Property("etcd", "CPUUsageNSec")); err != nil || used < 1e8 {
		t.Errorf("systemd says that etcd used %d ns of the processor, %v", used, err)
	}
	if used, err := strconv.Atoi(m.Property("etcd", "MemoryCurrent")); err != nil || used < 1<<20 {
		t.Errorf("systemd says that etcd has %d bytes of memory, %v", used, err)
	}
	m.hardLimits()
	m.dockersContainers()
}

// greedy is an image whose container may have more than systemd gives to services.
func greedy() ociimage.Files {
	const mounts = `{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
		{"destination": "/lib", "type": "bind", "source": "/lib", "options": ["rbind", "ro"]},
		{"destination": "/lib64", "type": "bind", "source": "/lib64", "options": ["rbind", "ro"]}`
	return ociimage.Files{
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
			"args": ["/usr/bin/sleep", "infinity"], "env": ["PATH=/usr/bin"],
			"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1000000, "soft": 1000000}, {"type": "RLIMIT_MEMLOCK", "hard": 1099511627776, "soft": 1099511627776},
				{"type": "RLIMIT_RTPRIO", "hard": 50, "soft": 50}]},
			"root": {"path": "rootfs", "readonly": true}, "mounts": [` + mounts + `],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
		"exports/service.template": "[Service]\nExecStart=$EXEC_START\nKillSignal=SIGKILL\n[Install]\nWantedBy=multi-user.target\n",
	}
}

// hardLimits installs the image: hard limits go above those of services with either runtime.
func (m *machine) hardLimits() {
	m.t.Helper()
	for _, runtime := range []string{"runc", "crun"} {
		m.Must("syscontainer", "install", "--system", "--runtime=/usr/bin/"+runtime, "oci:"+greedyLayout)
		m.Must("systemctl", "start", "greedy")
		have := strings.Fields(m.Must("sh", "-c", `grep -e 'open files' -e 'locked memory' -e 'realtime priority' /proc/`+m.Property("greedy", "MainPID")+"/limits"))
		hosttest.Contains(m.t, "hard limits with "+runtime, strings.Join(have, " "),
			"Max open files 1000000 1000000", "Max locked memory 1099511627776 1099511627776", "Max realtime priority 50 50")
		m.Must("syscontainer", "uninstall", "greedy")
	}
}
