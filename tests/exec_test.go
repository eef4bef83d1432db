package tests_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

func TestExec(t *testing.T) {
	dir := t.TempDir()
	files := checkedImage()
	files["etc/passwd"] = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n"
	files["etc/group"] = "root:x:0:\nweb:x:34:\nextra:x:50:web\n"
	writeImage(t, filepath.Join(dir, "checked"), files)
	m := machineWith(t, map[string]string{shared: dir})
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(filepath.Base(runtime), func(t *testing.T) { useExec(t, m.For(t), filepath.Base(runtime), runtime) })
	}
	result := m.Try("syscontainer", "exec", "nobody", "true")
	hosttest.SameText(t, "of one that is not there", result.Stderr, "syscontainer: container \"nobody\" is not installed\nhint: installed are: crun, runc\n")
}

func useExec(t *testing.T, m *hosttest.Machine, name, runtime string) {
	t.Helper()
	m.Must("syscontainer", "install", "--now", "--runtime", runtime, "--name", name, "--set", "CHECK=true", "oci:"+shared+"/checked:latest")
	exec := func(args ...string) string { return m.Must(append([]string{"syscontainer", "exec"}, args...)...) }

	hosttest.SameText(t, "the user, the directory and the environment", exec(name, "/usr/bin/sh", "-c", `echo $(id -u):$(id -g) $PWD $MODE$NOTIFY_SOCKET`), "65534:65534 /run "+name)
	hosttest.SameText(t, "arguments", exec(name, "printf", `[%s]`, "-l", "", "a b", "$x"), "[-l][][a b][$x]")
	hosttest.SameText(t, "with options", exec("-e", "A=1", "--env=B=x y", "-e", "HOME", "-w", "/usr/bin", "-u", "web", name, "/usr/bin/sh", "-c", `echo $(id -u):$(id -G) $PWD $A$B $HOME`),
		"33:34 50 /usr/bin 1x y /root")
	hosttest.SameText(t, "another home", exec("-u", "web", name, "sh", "-c", `echo $HOME; grep CapEff /proc/self/status`), "/srv/web\nCapEff:\t0000000000000000")
	hosttest.SameText(t, "the group", exec("--user", "7:extra", name, "sh", "-c", `echo $(id -u):$(id -G)`), "7:50")
	hosttest.SameText(t, "input", m.Must("sh", "-c", "head -c 300000 /dev/zero | syscontainer exec "+name+" wc -c"), "300000")

	result := m.Try("syscontainer", "exec", name, "sh", "-c", "echo out; echo err >&2; exit 42")
	if result.Code != 42 || result.Stdout != "out\n" || result.Stderr != "err\n" {
		t.Errorf("status and output: %+v", result)
	}
	if result := m.Try("syscontainer", "exec", name, "nosuch"); result.Code == 0 || !strings.Contains(result.Stderr, "nosuch") {
		t.Errorf("a program that is not there: %+v", result)
	}
	hosttest.SameText(t, "a signal", m.Must("sh", "-c", `syscontainer exec `+name+` sh -c 'trap "echo stopped; exit 9" TERM; echo up >/run/up; while :; do sleep 0.1; done' & pid=$!
		until syscontainer exec `+name+` test -e /run/up; do sleep 0.1; done; kill -TERM $pid; wait $pid; echo $?`), "stopped\n9")
	// Without a terminal there is none.
	hosttest.SameText(t, "no terminal", m.Must("sh", "-c", "syscontainer exec "+name+" test -t 0 </dev/null || echo none"), "none")
	text := m.Must("script", "--quiet", "--return", "--command",
		"stty rows 33 cols 77; syscontainer exec "+name+" sh -c 'stty size; test -t 1 && echo yes $TERM; exit 5'; echo status $?", "/dev/null")
	hosttest.Contains(t, "a terminal", text, "yes dumb", "status 5")
	if name == "runc" { // crun 1.8 of Debian 12 does not look at consoleSize here, and begins with 0 0
		hosttest.Contains(t, "its size", text, "33 77")
	}

	m.Must("systemctl", "stop", name)
	result = m.Try("syscontainer", "exec", name, "true")
	hosttest.Contains(t, "of one that does not run", result.Stderr, `syscontainer: container "`+name+`" is not running`, "hint: start it with: systemctl start "+name)
	hosttest.SameText(t, "usage", m.Must("sh", "-c", "syscontainer exec "+name+" 2>/dev/null; echo $?"), "2")
}
