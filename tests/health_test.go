package tests_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// checkedImage sleeps, as a user who is nobody, and is checked by a line for the host's shell.
func checkedImage() ociimage.Files {
	return ociimage.Files{
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": 65534, "gid": 65534}, "cwd": "/run",
			"args": ["/usr/bin/sleep", "infinity"], "env": ["PATH=/usr/bin", "MODE=$NAME"], "noNewPrivileges": true},
			"root": {"path": "rootfs", "readonly": true}, "mounts": [` + hostMounts + `,
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"]},
			{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
		"exports/service.template": "[Service]\nExecStart=$EXEC_START\nKillSignal=SIGKILL\n", // for a first process, sleep is deaf to others
		"exports/manifest.json": `{"healthCheck": {"exec": ["/usr/bin/sh", "-c", "$CHECK"], "interval": "200ms", "timeout": "2s"},
			"values": {"CHECK": {"required": true}}}`,
	}
}

func TestHealthChecks(t *testing.T) {
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "checked"), checkedImage())
	m := machineWith(t, map[string]string{shared: dir})
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(filepath.Base(runtime), func(t *testing.T) { checkHealth(t, m.For(t), runtime) })
	}
}

func checkHealth(t *testing.T, m *hosttest.Machine, runtime string) {
	t.Helper()
	n := 0
	// start runs a container that is checked so, and returns its name.
	start := func(check string) string {
		n++
		name := fmt.Sprintf("%s%d", filepath.Base(runtime), n)
		m.Must("syscontainer", "install", "--now", "--runtime", runtime, "--name", name, "--set", "CHECK="+check, "oci:"+shared+"/checked:latest")
		return name
	}
	fails := func(name, says string) {
		t.Helper()
		result := m.Try("syscontainer", "health", name)
		if result.Code != 1 || !strings.Contains(result.Stderr, "checking the health of "+name+": "+says) {
			t.Errorf("%s: %+v", name, result)
		}
	}
	well := start(`test "$MODE $PWD $(id -u)" = "` + fmt.Sprintf("%s%d", filepath.Base(runtime), n+1) + ` /run 65534" && test -z "$NOTIFY_SOCKET"`)
	hosttest.SameText(t, "health", m.Must("syscontainer", "health", well), well+" is healthy")
	hosttest.Contains(t, "health", m.Must("syscontainer", "health", "--json", well), `"healthy": true`, `"interval": "200ms"`)
	hosttest.Contains(t, "show", m.Must("syscontainer", "show", well), "health check:")

	fails(start("echo no leader >&2; exit 3"), "exit status 3: no leader")
	fails(start("kill -9 $$"), "exit status 137")

	late := start("test -e /run/up && exit; echo not yet; touch /run/up; exit 1")
	fails(late, "exit status 1: not yet")
	m.Must("sh", "-c", "rm /proc/"+m.Property(late, "MainPID")+"/root/run/up")
	m.Must("syscontainer", "health", "--wait", late)

	hangs := start("sleep 1000 & sleep 1001")
	fails(hangs, "not done within 2s")
	group := m.Property(hangs, "ControlGroup")
	hosttest.SameText(t, "what is left of a check that hung", m.Must("sh", "-c", "cat /sys/fs/cgroup"+group+"/container/cgroup.procs"), m.Property(hangs, "MainPID"))

	m.Must("systemctl", "stop", well)
	result := m.Try("syscontainer", "health", well)
	hosttest.Contains(t, "of one that does not run", result.Stderr, `container "`+well+`" is not running`, "hint: start it with: systemctl start "+well)
	hosttest.SameText(t, "left in /tmp", m.Must("find", "/tmp", "-name", "syscontainer-*"), "")
}

// An image that knows nothing of us is checked as docker would.
func TestHealthCheckOfThePlain(t *testing.T) {
	dir := t.TempDir()
	program := hosttest.App(t)
	for name, test := range map[string][]string{"good": {"CMD", "/app/bin/app", "once", "0"}, "bad": {"CMD-SHELL", `test "$PWD" = / && app once 7`}} {
		err := ociimage.Write(filepath.Join(dir, name), ociimage.Config{
			ImageConfig: imgspec.ImageConfig{Entrypoint: []string{"/app/bin/app", "serve"}, Env: []string{"PATH=/app/bin"}},
			Healthcheck: map[string]any{"Test": test, "Interval": 100_000_000, "Retries": 2},
		}, ociimage.Files{"app/bin/app": program})
		if err != nil {
			t.Fatal(err)
		}
	}
	m := machineWith(t, map[string]string{shared: dir})
	const shell = "CONTAINER_BINDS=/usr:/usr:ro /usr/lib:/lib:ro /usr/lib64:/lib64:ro /usr/bin:/bin:ro"
	for _, name := range []string{"good", "bad"} {
		m.Must("syscontainer", "install", "--now", "--set", shell, "oci:"+shared+"/"+name+":latest")
	}
	m.Must("syscontainer", "health", "good")
	result := m.Try("syscontainer", "health", "--wait", "bad")
	hosttest.Contains(t, "health", result.Stderr, "checking the health of bad: exit status 7: hello, once")
}
