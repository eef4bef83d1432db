package tests_test

import (
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const (
	deployment = "/var/lib/syscontainer/containers/etcd/current/"
	repo       = "/var/lib/syscontainer/repo"
)

func installEtcd(m *hosttest.Machine) {
	m.Must("syscontainer", "install", "--system", "etcd")
}

func startEtcd(m *hosttest.Machine) {
	installEtcd(m)
	m.Must("systemctl", "start", "etcd")
}

func TestInstallEnablesAndDoesNotStart(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	hosttest.SameText(t, "enabled", m.Property("etcd", "UnitFileState"), "enabled")
	hosttest.SameText(t, "state", m.Property("etcd", "ActiveState"), "inactive")
	for _, path := range []string{
		deployment + "config.json", deployment + "rootfs/usr/bin/etcd",
		"/etc/systemd/system/etcd.service", "/etc/systemd/system/etcd.service.d/10-syscontainer.conf",
		"/etc/tmpfiles.d/etcd.conf", "/etc/etcd/etcd.conf", "/usr/local/bin/etcdctl",
	} {
		m.Must("test", "-f", path)
	}
	hosttest.SameText(t, "the data directory", m.Must("stat", "-c", "%a %F", "/var/lib/etcd"), "700 directory")
	m.Must("systemd-analyze", "verify", "--recursive-errors=yes", "etcd.service")
}

func TestStartReturnsWhenEtcdIsReady(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	hosttest.SameText(t, "put", m.Must("etcdctl", "put", "greeting", "hello"), "OK")
	hosttest.SameText(t, "get", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")

	pid := m.Property("etcd", "MainPID")
	hosttest.SameText(t, "the main process", m.Must("cat", "/proc/"+pid+"/comm"), "etcd")
	hosttest.Contains(t, "systemctl status", m.Must("systemctl", "status", "etcd"), "Main PID: "+pid+" (etcd)")
	log := m.Must("journalctl", "--unit=etcd", "--output=cat")
	hosttest.Contains(t, "the journal", log, "ready to serve client requests", "notifying init daemon")
	if strings.Contains(log, "not our child") {
		t.Errorf("systemd does not take etcd for its own:\n%s", log)
	}
}

// An address that the host does not have: etcd writes a stack behind its reason.
func TestInstallTellsWhyEtcdEnds(t *testing.T) {
	m := machine(t)
	result := m.Try("syscontainer", "install", "--now", "--set", "ETCD_LISTEN_CLIENT_URLS=http://192.0.2.1:2379", "etcd")
	if result.Code != 1 {
		t.Errorf("install ends with %d", result.Code)
	}
	hosttest.Contains(t, "install", result.Stderr, "etcd is installed, and does not start", "bind: cannot assign requested address")
}

func TestNothingRunsBesideEtcd(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	cgroup := "/sys/fs/cgroup" + m.Property("etcd", "ControlGroup")
	hosttest.SameText(t, "the unit's cgroup", cgroup, "/sys/fs/cgroup/system.slice/etcd.service")
	members := m.Must("sh", "-c", "find "+cgroup+" -name cgroup.procs -exec cat {} +")
	hosttest.SameText(t, "the processes of the unit", members, m.Property("etcd", "MainPID"))
	if found := m.Try("pgrep", "--list-full", "runc|syscontainer|conmon"); found.Code == 0 {
		t.Errorf("these are still there:\n%s", found.Stdout)
	}
}

func TestEtcdComesBackWithItsData(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	m.Must("etcdctl", "put", "greeting", "hello")
	pid := m.Property("etcd", "MainPID")

	m.Must("kill", "-9", pid)
	time.Sleep(100 * time.Millisecond) // systemd takes notice
	m.Eventually("systemctl", "is-active", "etcd")
	hosttest.SameText(t, "after kill -9", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")
	if again := m.Property("etcd", "MainPID"); again == pid {
		t.Error("this is the process that was killed")
	}
	hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=etcd"), "status=9/KILL")

	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosttest.SameText(t, "after a reboot", m.Property("etcd", "ActiveState"), "active")
	hosttest.SameText(t, "after a reboot", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")
}

func TestStopIsClean(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	begin := time.Now()
	m.Must("systemctl", "stop", "etcd")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	hosttest.SameText(t, "state", m.Property("etcd", "ActiveState"), "inactive")
	hosttest.SameText(t, "result", m.Property("etcd", "Result"), "success")
	hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=etcd"), "closed etcd server")
	hosttest.SameText(t, "what runc knows", m.Must("runc", "list", "--quiet"), "")
	m.Must("systemctl", "start", "etcd")
}

func TestRootIsReadOnlyAndLinkedToTheRepo(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	root := "/proc/" + m.Property("etcd", "MainPID") + "/root/"
	for _, attempt := range [][]string{
		{"rm", root + "usr/bin/etcd"}, {"mkdir", root + "new"}, {"mkdir", root + "sys/new"}, {"touch", root + "etc/etcd/new"},
	} {
		if try := m.Try(attempt...); try.Code == 0 || !strings.Contains(try.Stderr, "Read-only file system") {
			t.Errorf("%q in the container: %+v", attempt, try)
		}
	}
	m.Must("sh", "-c", "touch "+root+"var/lib/etcd/x && rm "+root+"var/lib/etcd/x")

	for _, file := range []string{"usr/bin/etcd", "usr/bin/etcdctl", "exports/manifest.json"} {
		found := m.Must("find", repo+"/objects", "-samefile", deployment+"rootfs/"+file)
		if found == "" {
			t.Errorf("/%s is not linked to an object of the repo", file)
		}
	}
	m.Must("ostree", "fsck", "--quiet", "--repo="+repo)
}

func TestStatusOfTheContainersProcess(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	status := m.Must("cat", "/proc/"+m.Property("etcd", "MainPID")+"/status")
	hosttest.Contains(t, "/proc/PID/status", status, "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1")
}
