package tests_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// localeName is the name on the bus of Debian's systemd-localed, which the bus lets root take.
const localeName = "org.freedesktop.locale1"

// busImage is up when a program of the host, in the container, has taken a name on the bus.
func busImage(program string) ociimage.Files {
	return ociimage.Files{
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
			"args": ` + program + `, "env": ["PATH=/usr/bin"]}, "root": {"path": "rootfs", "readonly": true},
			"mounts": [` + hostMounts + `, {"destination": "/etc", "type": "bind", "source": "/etc", "options": ["rbind", "ro"]},
				{"destination": "/run/dbus", "type": "bind", "source": "/run/dbus", "options": ["rbind"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
		"exports/service.template": "[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n[Service]\nType=dbus\nBusName=" + localeName + "\nExecStart=$EXEC_START\nTimeoutStartSec=$PATIENCE\nKillSignal=$SIGNAL\n",
		"exports/manifest.json":    `{"defaultValues": {"PATIENCE": 20, "SIGNAL": "SIGTERM"}}`,
	}
}

func TestAContainerIsUpWhenItHasItsNameOnTheBus(t *testing.T) {
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "localed"), busImage(`["/usr/lib/systemd/systemd-localed"]`))
	writeImage(t, filepath.Join(dir, "nameless"), busImage(`["/usr/bin/sleep", "infinity"]`))
	m := machineWith(t, map[string]string{shared: dir})
	for _, runtime := range []string{"/usr/sbin/runc", "/usr/bin/crun"} {
		t.Run(filepath.Base(runtime), func(t *testing.T) {
			m := m.For(t)
			m.Must("syscontainer", "install", "--system", "--runtime="+runtime, "oci:"+shared+"/localed")
			m.Must("systemctl", "start", "localed")
			owner := strings.TrimPrefix(strings.Fields(m.Must("busctl", "status", localeName))[0], "PID=")
			hosttest.SameText(t, "who has the name", m.Must("cat", "/proc/"+owner+"/comm"), "systemd-localed")
			// The name may be there before the launcher says whose unit this is.
			m.Eventually("sh", "-c", `test "$(systemctl show --property=MainPID --value localed)" = `+owner)
			hosttest.Contains(t, "its answer", m.Must("busctl", "get-property", localeName, "/org/freedesktop/locale1", localeName, "Locale"), "as ")
			m.Must("systemctl", "stop", "localed")
			hosttest.SameText(t, "its end", m.Property("localed", "Result"), "success")
			m.Must("syscontainer", "uninstall", "localed")

			m.Must("syscontainer", "install", "--system", "--runtime="+runtime, "--set=PATIENCE=1", "--set=SIGNAL=SIGKILL", "oci:"+shared+"/nameless")
			if m.Try("systemctl", "start", "nameless").Code == 0 {
				t.Error("a container without its name counts as up")
			}
			hosttest.SameText(t, "why", m.Property("nameless", "Result"), "timeout")
			hosttest.SameText(t, "containers", m.Must(runtime, "list", "--quiet"), "")
			m.Must("syscontainer", "uninstall", "nameless")
		})
	}
}
