package update_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// killWhileWatched updates etcd, and kills the command when the new one is up and has yet to prove itself.
func killWhileWatched(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	m.Must("systemd-run", "--quiet", "--collect", "--unit=updating", "syscontainer", "update", "--wait", "1h", "etcd")
	m.Eventually("sh", "-c", `grep -q '"phase":"trial"' `+state+`pending.json && systemctl is-active etcd &&
		grep -q "$(readlink `+state+`current)/rootfs" "/proc/$(systemctl show --property=MainPID --value etcd)/mountinfo"`)
	m.Must("systemctl", "kill", "--signal=KILL", "updating")
	m.Eventually("sh", "-c", "! systemctl is-active updating")
}

func TestAnUpdateThatIsKilledBeforeItHasProvedItself(t *testing.T) {
	m := running(t)
	publish(t, m, nextEtcd(t), "etcd:latest")
	killWhileWatched(t, m)
	hosttest.Contains(t, "recover", m.Must("syscontainer", "recover"), "recovered etcd")
	keeps(t, m, "1")
	if left := m.Must("ls", state+"deploy"); left != "1" {
		t.Errorf("there are the deployments %q", left)
	}

	killWhileWatched(t, m)
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Eventually("etcdctl", "endpoint", "health")
	keeps(t, m, "1")
	hosttest.SameText(t, "the recovery", m.Property("syscontainer-recover", "Result"), "success")

	m.Must("syscontainer", "update", "--wait", "1s", "etcd")
	keeps(t, m, "4")
}
