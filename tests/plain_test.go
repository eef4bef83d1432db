package tests_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// plainMachine boots a host whose registry has images that know nothing of us.
func plainMachine(t *testing.T) *hosttest.Machine {
	t.Helper()
	layer, err := bed.Plain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return machineOf(t, host.Options{Layers: []string{bed.Product, layer}})
}

// inRootfs is a command line that runs a program of a container's files as a client, in the network of the host.
func inRootfs(name string, argv ...string) []string {
	return append([]string{"chroot", "/var/lib/syscontainer/containers/" + name + "/current/rootfs"}, argv...)
}

// eachRuntime runs a test with every runtime, each on a machine of its own.
func eachRuntime(t *testing.T, test func(t *testing.T, m *hosttest.Machine, runtime string)) {
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(runtime[strings.LastIndex(runtime, "/")+1:], func(t *testing.T) { test(t, plainMachine(t), runtime) })
	}
}

func installPlain(m *hosttest.Machine, name, runtime string, args ...string) {
	m.Must(append([]string{"syscontainer", "install", "--runtime", runtime, "localhost:5000/" + name}, args...)...)
	m.Must("systemd-analyze", "verify", "--recursive-errors=yes", name+".service")
	m.Must("systemctl", "start", name)
}

// stopsQuickly stops a container and reports an error when that took long or went wrong.
func stopsQuickly(t *testing.T, m *hosttest.Machine, name string) {
	t.Helper()
	begin := time.Now()
	m.Must("systemctl", "stop", name)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	hosttest.SameText(t, "result", m.Property(name, "Result"), "success")
}

func TestRedisThatKnowsNothingOfUs(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, m *hosttest.Machine, runtime string) {
		cli := func(args ...string) string {
			return m.Eventually(inRootfs("redis", append([]string{"redis-cli"}, args...)...)...)
		}
		installPlain(m, "redis", runtime)
		hosttest.SameText(t, "set", cli("set", "greeting", "hello"), "OK")
		hosttest.SameText(t, "the user", m.Must("ps", "-o", "uid=,gid=", "-p", m.Property("redis", "MainPID")), "  999  1000")
		stopsQuickly(t, m, "redis")
		hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=redis"), "Redis is now ready to exit, bye bye")
		m.Must("systemctl", "start", "redis")
		hosttest.SameText(t, "get", cli("get", "greeting"), "hello")
		hosttest.SameText(t, "the volume", m.Must("stat", "-c", "%u:%g %a", "/var/lib/redis/data"), "999:1000 755")
	})
}

func TestNginxThatKnowsNothingOfUs(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, m *hosttest.Machine, runtime string) {
		get := func(path string) string {
			return m.Eventually(inRootfs("nginx", "curl", "-sS", "http://127.0.0.1"+path)...)
		}
		m.Must("sh", "-c", "mkdir -p /srv/www && echo mine >/srv/www/index.html")
		installPlain(m, "nginx", runtime, "--set", "CONTAINER_BINDS=/srv/www:/usr/share/nginx/html/mine:ro")
		hosttest.SameText(t, "the page", get("/"), "Welcome to nginx!")
		hosttest.SameText(t, "the page of the host", get("/mine/"), "mine")
		stopsQuickly(t, m, "nginx")
		// Its log files are links to /dev/stdout and /dev/stderr. The last line is written as it stops.
		hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=nginx"), "GET /mine/ HTTP/1.1", "gracefully shutting down", "exit")
		if left := m.Try("pgrep", "--list-full", "cat|nginx"); left.Code == 0 {
			t.Errorf("these are still there: %s", left.Stdout)
		}
		m.Must("systemctl", "start", "nginx")
		get("/")
		m.Must("rm", "-r", "/srv/www")
	})
}

func TestPostgresThatKnowsNothingOfUs(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, m *hosttest.Machine, runtime string) {
		psql := func(sql string) string {
			const url = "postgresql://postgres:se%20cret@127.0.0.1/postgres"
			return m.Eventually(inRootfs("postgres", "/usr/lib/postgresql/15/bin/psql", "-qAt", url, "-c", sql)...)
		}
		installPlain(m, "postgres", runtime, "--set", "POSTGRES_PASSWORD=se cret")
		psql("create table t as select 'hello' as greeting")
		stopsQuickly(t, m, "postgres")
		hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=postgres"), "received fast shutdown request", "database system is shut down")
		m.Must("systemctl", "start", "postgres")
		hosttest.SameText(t, "the table", psql("select greeting from t"), "hello")
		hosttest.SameText(t, "the volume", m.Must("stat", "-c", "%u:%g %a", "/var/lib/postgres/var/lib/postgresql/data"), "998:998 700")
		hosttest.Contains(t, "inspect", m.Must("syscontainer", "inspect", "localhost:5000/postgres"), "5432/tcp", "SIGINT")
	})
}

func TestStatusOfAPlainImagesProcess(t *testing.T) {
	m := plainMachine(t)
	installPlain(m, "redis", "/usr/sbin/runc")
	m.Eventually(inRootfs("redis", "redis-cli", "ping")...)
	status := m.Must("cat", fmt.Sprintf("/proc/%s/status", m.Property("redis", "MainPID")))
	hosttest.Contains(t, "/proc/PID/status", status, "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2")
}
