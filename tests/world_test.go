package tests_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// worldly is an image whose /exports are written as those of the system containers in the world. They are in
// testdata/world, and each installs as it is.
type worldly struct {
	name  string
	args  []string // of install
	units []string // besides NAME.service; nil for an image without any
	idle  bool     // NAME.service does not run when it was started
	check func(t *testing.T, m *hosttest.Machine)
}

func theWorld() []worldly { return append(daemons(), others()...) }

// daemons are containers that run.
func daemons() []worldly {
	service := []string{}
	return []worldly{
		{name: "flannel", units: service, args: []string{"--set", "FLANNELD_ETCD_ENDPOINTS=http://192.0.2.1:2379"}, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "flannel", "serving, GREETING=http://192.0.2.1:2379,")
			hosttest.SameText(t, "its environment", m.Must("cat", "/etc/sysconfig/flannel"), `FLANNELD_ETCD_ENDPOINTS="http://192.0.2.1:2379"`)
			hosttest.Contains(t, "the unit", m.Property("flannel", "Before"), "docker.service")
			m.Must("test", "-L", "/etc/systemd/system/docker.service.requires/flannel.service")
			m.Must("test", "-d", "/run/flannel")
		}},
		{name: "docker", units: service, args: []string{"--set", `ADDTL_MOUNTS=,{"destination":"/mnt","type":"bind","source":"/srv","options":["rbind"]}`}, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "docker", "set_mounts in /var/lib/syscontainer/containers/docker/deploy/1", "serving, GREETING=1,")
			hosttest.SameText(t, "what it says of itself", m.Property("docker", "StatusText"), "the app is ready")
			hosttest.SameText(t, "what is made for it", m.Must("cat", "/etc/tmpfiles.d/docker.conf"), "d /var/lib/docker 0755 root root -")
			// Of all capabilities that the kernel knows it has those that a service of this host can have.
			const bounding = "grep CapBnd /proc/"
			hosttest.SameText(t, "its capabilities", m.Must("sh", "-c", bounding+m.Property("docker", "MainPID")+"/status"), m.Must("sh", "-c", bounding+"1/status"))
			for name, want := range map[string]string{"KillMode": "process", "SyslogIdentifier": "dockerd", "Restart": "on-abnormal", "Delegate": "yes"} {
				hosttest.SameText(t, name, m.Property("docker", name), want)
			}
		}},
		{name: "kubelet", units: service, check: func(t *testing.T, m *hosttest.Machine) {
			for name, want := range map[string]string{"Restart": "always", "KillSignal": "2", "TimeoutStopUSec": "20s", "KillMode": "mixed"} {
				hosttest.SameText(t, name, m.Property("kubelet", name), want)
			}
			hosttest.SameText(t, "its state", m.Must("stat", "-c", "%a", "/var/lib/kubelet"), "700")
			m.Must("systemctl", "stop", "kubelet")
			logged(m, "kubelet", "stopped by interrupt")
			m.Must("systemctl", "start", "kubelet")
		}},
		{name: "net-snmp", units: service, check: func(t *testing.T, m *hosttest.Machine) {
			pid := m.Property("net-snmp", "MainPID")
			hosttest.SameText(t, "the main process", m.Must("cat", "/proc/"+pid+"/comm"), "app")
			hosttest.SameText(t, "the pid file", m.Must("cat", "/run/container-net-snmp.pid"), pid)
			m.Must("kill", "-9", pid)
			m.Eventually("sh", "-c", "systemctl is-failed net-snmp")
			m.Must("systemctl", "restart", "net-snmp")
		}},
		{name: "cri-o", units: service, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "cri-o", "serving, GREETING=verbatim $NAME,")
			hosttest.SameText(t, "its alias", m.Property("crio", "Id"), "cri-o.service")
		}},
		{name: "hello-world", units: service, args: []string{"--set", `RECEIVER=“100%” \ "$HOME"`}, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "hello-world", `serving, GREETING=“100%” \ "$HOME", pid 1`)
			hosttest.Contains(t, "its script", m.Must("cat", "/usr/local/bin/hello-world.sh"), "# /usr/bin/syscontainer installed this with ", "costs $1")
			m.Must("test", "-x", "/usr/local/bin/hello-world.sh")
		}},
	}
}

// others are images of which nothing runs, or not in a container, or not all the time.
func others() []worldly {
	service := []string{}
	return []worldly{
		{name: "open-vm-tools", units: service, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "open-vm-tools", "serving, GREETING=guest,")
			m.Must("test", "!", "-e", "/etc/systemd/system/open-vm-tools.service.d")
		}},
		{name: "kube-tools", check: func(t *testing.T, m *hosttest.Machine) {
			hosttest.SameText(t, "its program", m.Must("kube-tools-kubectl"), "kubectl")
			hosttest.SameText(t, "links of a copy", m.Must("stat", "-c", "%h", "/usr/local/bin/kube-tools-kubectl"), "1")
			m.Must("test", "!", "-e", "/etc/systemd/system/kube-tools.service")
		}},
		{name: "node-setup", units: service, check: func(t *testing.T, m *hosttest.Machine) {
			logged(m, "node-setup", "hello, once")
			hosttest.SameText(t, "its end", m.Property("node-setup", "SubState"), "exited")
			hosttest.SameText(t, "containers", m.Must("sh", "-c", "runc list --quiet; crun list --quiet"), "")
			m.Must("syscontainer", "uninstall", "node-setup")
			m.Must("syscontainer", "install", "--set", "STATUS=42", "oci:"+shared+"/node-setup:latest")
			if result := m.Try("systemctl", "start", "node-setup"); result.Code == 0 {
				t.Error("a container that fails starts well")
			}
			hosttest.SameText(t, "its status", m.Property("node-setup", "ExecMainStatus"), "42")
		}},
		{name: "echo", units: []string{"echo.socket", "echo-tick.timer", "echo-tick.service"}, idle: true, check: checkEcho},
	}
}

// checkEcho uses a container that a socket starts, and a service beside it.
func checkEcho(t *testing.T, m *hosttest.Machine) {
	for _, unit := range []string{"echo.socket", "echo-tick.timer"} {
		hosttest.SameText(t, unit, m.Must("systemctl", "is-enabled", unit), "enabled")
	}
	m.Must("systemctl", "start", "echo.socket", "echo-tick.timer")
	if result := m.Try("systemctl", "start", "echo-tick"); result.Code == 0 {
		t.Error("something ran in a container that does not run")
	}
	const ask = `perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(Peer => "/run/echo.sock")->getline'`
	hosttest.SameText(t, "its answer", m.Must("sh", "-c", ask), "hello from the container")
	m.Eventually("systemctl", "is-active", "echo") // the answer may come before the launcher says so
	m.Must("systemctl", "start", "echo-tick")
	logged(m, "echo*", "hello, once") // the process is in the container's control group, if journald is quick
	hosttest.SameText(t, "again", m.Must("sh", "-c", ask), "hello from the container")
	hosttest.Contains(t, "show", m.Must("syscontainer", "show", "echo"), "echo.socket, active, enabled", "echo-tick.timer, active, enabled", "echo-tick.service, inactive, static")
}

// logged waits until a unit has written these lines.
func logged(m *hosttest.Machine, unit string, lines ...string) {
	for _, line := range lines {
		m.Eventually("sh", "-c", `journalctl --unit="$1" --output=cat | grep --quiet --fixed-strings -e "$2"`, "sh", unit, line)
	}
}

// TestTheImagesOfTheWorldInstallUnchanged has each runtime for them, said in the settings of the host.
func TestTheImagesOfTheWorldInstallUnchanged(t *testing.T) {
	dir := t.TempDir()
	program := hosttest.App(t)
	for _, image := range theWorld() {
		writeImage(t, filepath.Join(dir, image.name), worldImage(t, image.name, program))
	}
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(filepath.Base(runtime), func(t *testing.T) {
			m := machineWith(t, map[string]string{shared: dir})
			const settings = "/etc/syscontainer/config.toml"
			m.Must("sh", "-c", `mkdir -p /run/lock && mv "$1" /run && echo "runtime = \"$2\"" >"$1"`, "sh", settings, runtime)
			for _, image := range theWorld() {
				t.Run(image.name, func(t *testing.T) { useImage(t, m.For(t), image, runtime) })
			}
			m.Must("sh", "-c", "rm -r /var/lib/kubelet /var/lib/docker && mv /run/config.toml "+settings)
		})
	}
}

// useImage installs an image as it is, starts it, checks it, and takes it away again.
func useImage(t *testing.T, m *hosttest.Machine, image worldly, runtime string) {
	t.Helper()
	before := m.Disk("/var/lib")
	m.Must(append(append([]string{"syscontainer", "install", "--system"}, image.args...), "oci:"+shared+"/"+image.name+":latest")...)
	for _, unit := range append(image.units, image.name+".service") {
		if image.units != nil {
			m.Must("systemd-analyze", "verify", "--recursive-errors=yes", unit)
		}
	}
	if unit := m.Try("systemctl", "cat", image.name).Stdout; strings.Contains(unit, "syscontainer-launch") && !strings.Contains(unit, "--runtime="+runtime+" ") {
		t.Errorf("it runs with another runtime:\n%s", unit)
	}
	if image.units != nil && !image.idle {
		m.Must("systemctl", "start", image.name)
		hosttest.SameText(t, "state", m.Property(image.name, "ActiveState"), "active")
	}
	image.check(t, m)
	m.Must("syscontainer", "uninstall", image.name)
	hosttest.Same(t, before, m.Disk("/var/lib"))
	for _, unit := range append(image.units, image.name+".service") {
		hosttest.SameText(t, "what systemd knows of "+unit, m.Property(unit, "LoadState"), "not-found")
	}
	if log := m.Must("sh", "-c", "journalctl _PID=1 --output=cat | grep -e 'not our child' -e 'Unknown key' -e 'ignoring' || true"); log != "" {
		t.Errorf("systemd complains:\n%s", log)
	}
}

// worldImage is the program, and what is in testdata as /exports.
func worldImage(t *testing.T, name, program string) ociimage.Files {
	t.Helper()
	files := ociimage.Files{
		"bin/app":       program,
		"set_mounts.sh": "echo \"set_mounts in $PWD\"\n",
	}
	root := os.DirFS(filepath.Join("testdata/world", name))
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		files["exports/"+path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What is refused is refused with words, before anything was changed.
func TestNamesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "x"), ociimage.Files{"exports/service.template": "[Service]\nExecStart=/bin/true\n"})
	m := machineWith(t, map[string]string{shared: dir})
	m.Must("sh", "-c", "mkdir -p /run/systemd/system && printf '[Service]\nExecStart=/bin/true\n' >/run/systemd/system/later.service")
	image := " oci:" + shared + "/x:latest"
	for _, r := range []refusal{
		{name: "climbs", argv: install + " --name ../x" + image, code: 2, says: `.*"\.\./x"`},
		{name: "a socket", argv: install + " --name x.socket" + image, code: 2, says: `.*ends like a systemd unit`},
		{name: "a dot", argv: install + " --name .x" + image, code: 2, says: `.*does not begin with a letter`},
		{name: "a dash", argv: install + " --name=-x" + image, code: 2, says: `.*does not begin with a letter`},
		{name: "spaces", argv: install + " --name 'a b'" + image, code: 2, says: `.*characters other than`},
		{name: "an instance", argv: install + " --name x@y" + image, code: 2, says: `.*characters other than`},
		{name: "other letters", argv: install + " --name kübel" + image, code: 2, says: `.*characters other than`},
		{name: "300 letters", argv: install + " --name " + strings.Repeat("n", 300) + image, code: 2, says: `.*longer than 64`},
		{name: "a unit of a package", argv: install + " --name dbus" + image, code: 1, says: `.*/usr/lib/systemd/system/dbus\.service`},
		{name: "a unit of the administrator", argv: install + " --name docker-registry" + image, code: 1, says: `.*docker-registry\.service`},
		{name: "a unit that was made at run time", argv: install + " --name later" + image, code: 1, says: `.*/run/systemd/system/later\.service`},
		{name: "after itself", argv: install + " --after x.service" + image, code: 2, says: `.*x\.service cannot come before or after itself`},
	} {
		t.Run(r.name, func(t *testing.T) { checkRefusal(t, m, r) })
	}
	// A number at the end is what versions have, and means nothing to anybody.
	m.Must("sh", "-c", install+" --name foo.0"+image)
	m.Must("systemctl", "cat", "foo.0.service")
}
