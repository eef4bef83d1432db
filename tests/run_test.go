package tests_test

import (
	"path/filepath"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// shellOfHost lets an image without files of its own run the host's programs.
const shellOfHost = "CONTAINER_BINDS=/usr:/usr:ro /usr/lib:/lib:ro /usr/lib64:/lib64:ro"

func TestRun(t *testing.T) {
	dir := t.TempDir()
	program := hosttest.App(t)
	write := func(name string, config imgspec.ImageConfig, files ociimage.Files) {
		if err := ociimage.Write(filepath.Join(dir, name), config, files); err != nil {
			t.Fatal(err)
		}
	}
	write("plain", imgspec.ImageConfig{
		Entrypoint: []string{"/usr/bin/sh", "-c"}, Cmd: []string{"echo the image says so"}, User: "33:33", Env: []string{"PATH=/usr/bin"},
		Volumes: map[string]struct{}{"/data": {}},
	}, ociimage.Files{"data/begin": "the image's"})
	ours := checkedImage()
	ours["exports/manifest.json"] = `{"values": {"TOKEN": {"secret": true}}}`
	write("ours", imgspec.ImageConfig{}, ours)
	write("once", imgspec.ImageConfig{Entrypoint: []string{"/bin/app", "once"}, Cmd: []string{"3"}, Labels: map[string]string{"atomic.run": "once"}}, ociimage.Files{"bin/app": program})
	m := machineWith(t, map[string]string{shared: dir})
	m.Must("syscontainer", "pull", "oci:"+shared+"/plain:latest") // so that the store is there before and after
	m.Must("syscontainer", "pull", "oci:"+shared+"/ours:latest")
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(filepath.Base(runtime), func(t *testing.T) { useRun(t, m.For(t), runtime) })
	}
	// An image that is made to be run is not installed.
	result := m.Try("syscontainer", "install", "--system", "oci:"+shared+"/once:latest")
	if result.Code != 3 || result.Stdout != "hello, once\n" || len(list(t, m)) > 0 {
		t.Errorf("installing what is to be run: %+v", result)
	}
	hosttest.SameText(t, "with another command", m.Must("syscontainer", "run", "oci:"+shared+"/once:latest", "0"), "hello, once")
}

// nothingLeft reports an error unless a machine has nothing more of containers that ran.
func nothingLeft(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	hosttest.SameText(t, "directories", m.Must("sh", "-c", "ls -d /var/lib/syscontainer/runs /run/runc/* /run/crun/* 2>/dev/null || true"), "")
	hosttest.SameText(t, "units", m.Eventually("sh", "-c", `units=$(systemctl list-units --all --plain --no-legend 'syscontainer-run-*'); test -z "$units" && echo none`), "none")
	hosttest.SameText(t, "groups", m.Must("sh", "-c", "ls -d /sys/fs/cgroup/system.slice/syscontainer-run-* 2>/dev/null || true"), "")
}

func useRun(t *testing.T, m *hosttest.Machine, runtime string) {
	t.Helper()
	before := m.Disk("/var/lib/syscontainer")
	run := func(more ...string) []string {
		return append([]string{"syscontainer", "run", "--runtime", runtime, "--set", shellOfHost}, more...)
	}
	plain := "oci:" + shared + "/plain:latest"
	line := strings.Join(run("--name", "job"), "' '")
	line = "'" + line + "' '" + plain + "' "

	hosttest.SameText(t, "the image's command", m.Must(run(plain)...), "the image says so")
	result := m.Try(run("--set", "MODE=mine", plain, `cat; cat /data/begin; touch /tmp/x; echo $(id -u) $MODE; echo err >&2; exit 42`)...)
	if result.Code != 42 || result.Stdout != "the image's33 mine\n" || result.Stderr != "err\n" {
		t.Errorf("status and output: %+v", result)
	}
	hosttest.SameText(t, "input", m.Must("sh", "-c", "head -c 300000 /dev/zero | "+line+"'wc -c'"), "300000")
	hosttest.SameText(t, "the group", m.Must(run("--name", "job", plain, "grep 0:: /proc/self/cgroup")...), "0::/system.slice/syscontainer-run-job.scope/container")
	nothingLeft(t, m)

	// SIGTERM is the container's to handle; and one that runs has a name, for exec.
	hosttest.SameText(t, "a signal that is handed on", m.Must("sh", "-c", line+`'trap "echo stopped; exit 9" TERM; touch /tmp/up; while :; do sleep 0.1; done' & pid=$!
		until syscontainer exec job test -e /tmp/up 2>/dev/null; do sleep 0.1; done
		`+line+`true 2>&1 | grep -c 'another one of that name is running'
		kill -TERM $pid; wait $pid; echo $?`), "1\nstopped\n9")
	nothingLeft(t, m)

	text := m.Must("script", "--quiet", "--return", "--command",
		"stty rows 33 cols 77; "+line+"'stty size; test -t 1 && echo yes; exit 5'; echo status $?", "/dev/null")
	hosttest.Contains(t, "a terminal", text, "33 77", "yes", "status 5")

	ours := "oci:" + shared + "/ours:latest"
	m.Must("sh", "-c", "echo hunter2 >/run/token")
	hosttest.SameText(t, "one of ours", m.Must("syscontainer", "run", "--runtime", runtime, "--set-file", "TOKEN=/run/token", ours,
		"/usr/bin/sh", "-c", "echo $(id -u) $(cat $CREDENTIALS_DIRECTORY/TOKEN)$NOTIFY_SOCKET"), "65534 hunter2")
	nothingLeft(t, m)

	// kill -9: the container ends as well, and the next command takes the rest away.
	m.Must("sh", "-c", line+`'touch /tmp/up; exec sleep 1000' >/dev/null 2>&1 & pid=$!
		until syscontainer exec job test -e /tmp/up 2>/dev/null; do sleep 0.1; done; kill -9 $pid; wait $pid || true`)
	m.Must("syscontainer", "recover")
	nothingLeft(t, m)
	m.Must("rm", "/run/token")
	hosttest.Same(t, before, m.Disk("/var/lib/syscontainer"))
}
