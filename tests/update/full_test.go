package update_test

import (
	"math/rand/v2"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// TestAnUpdateThatDoesNotFit has its images on a disk that is full before the next one is there, and is uninstalled on one
// that is full to the last block.
func TestAnUpdateThatDoesNotFit(t *testing.T) {
	m := machine(t, "/var/lib/app")
	m.Must("sh", "-ec", "mkdir -p /var/lib/syscontainer && mount -t tmpfs -o size=24m,mode=700 tmpfs /var/lib/syscontainer")
	program := hosttest.App(t)
	publish(t, m, appImage(t, program, nil), "app:latest")
	m.Must("syscontainer", "install", "--system", "--set", "GREETING=mine", "docker://localhost:5000/app")
	m.Must("systemctl", "start", "app")
	m.Must("sh", "-c", "echo precious >/var/lib/app/data")
	pid := m.Property("app", "MainPID")

	noise := make([]byte, 40<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	publish(t, m, appImage(t, program, ociimage.Files{"big": string(noise)}), "app:latest")
	result := m.Try("syscontainer", "update", "app")
	if result.Code != 1 {
		t.Errorf("exit status %d: %s", result.Code, result.Stdout)
	}
	hosttest.Contains(t, "the message", result.Stderr, "updating app: ", "no space left on device")
	m.Must("syscontainer", "images", "prune") // the layers that did arrive
	hosttest.SameText(t, "the main process", m.Property("app", "MainPID"), pid)
	hosttest.SameText(t, "what is current", m.Must("readlink", "/var/lib/syscontainer/containers/app/current"), "deploy/1")

	publish(t, m, appImage(t, program, ociimage.Files{"small": "x"}), "app:latest")
	m.Must("syscontainer", "update", "--wait", "0s", "app")
	hosttest.SameText(t, "what is current", m.Must("readlink", "/var/lib/syscontainer/containers/app/current"), "deploy/2")
	hosttest.SameText(t, "the data", m.Must("cat", "/var/lib/app/data"), "precious")

	m.Try("sh", "-c", "cat /dev/zero >/var/lib/syscontainer/ballast") // until there is no room for anything
	out := m.Must("syscontainer", "uninstall", "app")
	hosttest.Contains(t, "the output", out, "kept the data in /var/lib/app; ")
	m.Must("syscontainer", "images", "prune", "--all")
	m.Must("rm", "/var/lib/syscontainer/ballast")
}
