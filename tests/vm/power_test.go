package vm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// cuts is how often the power is cut.
func cuts() int {
	if hosttest.Long() {
		return 30
	}
	return 2
}

// which is a file of the host that each version of etcd brings, with its own name in it.
const which = "/etc/etcd/which"

// version is what an image of etcd has on top.
func version(name string) ociimage.Files {
	return ociimage.Files{"exports/hostfs" + which: name + "\n", "usr/share/version": name + "\n"}
}

// changes updates etcd to the other version and back for ever.
const changes = `while :; do
	syscontainer update --wait=1s --rebase=localhost:5000/etcd:next etcd
	syscontainer rollback --wait=1s etcd
	syscontainer update --wait=1s --rebase=localhost:5000/etcd:first etcd
done`

// writes puts one key after the other into etcd, from the number that it is given. What etcd has acknowledged it says to
// the machine outside, where no cut of the power takes it back.
const writes = `n=$1
while :; do
	etcdctl --command-timeout=2s put key-$n value >/dev/null 2>&1 && echo $n >/dev/vport0p2
	n=$((n + 1))
done`

// TestThePowerIsCut cuts the power at any write to the disk, while etcd is updated, rolled back and written to. After each cut etcd must come up
// by itself, wholly as one of its versions, with every key that it had acknowledged.
func TestThePowerIsCut(t *testing.T) {
	m := newMachine(t)
	m.boot()
	m.Must("syscontainer", "install", "--system", "--now", "--name=etcd", "localhost:5000/etcd:first")
	before := m.Disk.Writes()
	m.Must("syscontainer", "update", "--wait=1s", "--rebase=localhost:5000/etcd:next", "etcd")
	m.Must("sync")
	update := m.Disk.Writes() - before
	t.Logf("an update writes %d times to the disk", update)
	for n := range cuts() {
		m.Must("sync")
		still := m.Disk.StopAfter(1 + rand.IntN(2*update))
		m.loop("changes", changes)
		m.loop("writes", writes, fmt.Sprint(n*1_000_000))
		select {
		case <-still:
		case <-time.After(5 * time.Minute): // then the disk was idle for long
		}
		cached, lost := m.CutPower()
		acknowledged := m.Said()
		m.boot()
		t.Logf("cut %d: of %d blocks that were not flushed %d were lost; %d keys were acknowledged; %s", n+1, cached, lost, len(acknowledged), m.recovered())
		m.checkAfterCut(acknowledged)
	}
}

// loop runs a script in the background.
func (m *machine) loop(name, script string, args ...string) {
	m.t.Helper()
	m.Must(append([]string{"systemd-run", "--quiet", "--unit=" + name, "sh", "-c", script, "sh"}, args...)...)
}

// recovered is what was found unfinished after the boot.
func (m *machine) recovered() string {
	m.t.Helper()
	return m.Must("sh", "-c", "journalctl --boot --unit=syscontainer-recover --output=cat | grep --invert-match systemd || true")
}

func (m *machine) checkAfterCut(acknowledged []string) {
	m.t.Helper()
	m.Eventually("systemctl", "is-active", "etcd")
	hosttest.SameText(m.t, "failed units", m.Must("systemctl", "--failed", "--plain", "--no-legend"), "")
	hosttest.SameText(m.t, "what is still under way", m.Must("sh", "-c", "ls /var/lib/syscontainer/containers/*/pending.json 2>/dev/null || true"), "")

	current := m.Must("readlink", "-f", "/var/lib/syscontainer/containers/etcd/current")
	for _, file := range []string{"/etc/systemd/system/etcd.service", "/etc/systemd/system/etcd.service.d/10-syscontainer.conf"} {
		hosttest.Contains(m.t, file, m.Must("cat", file), current)
	}
	hosttest.SameText(m.t, "the version of the host's file", m.Must("cat", which), m.Must("cat", current+"/rootfs/usr/share/version"))
	hosttest.SameText(m.t, "the version that runs", m.Must("cat", "/proc/"+m.Property("etcd", "MainPID")+"/root/usr/share/version"), m.Must("cat", which))

	m.Must("syscontainer", "recover")
	hosttest.SameText(m.t, "what is left over", m.Must("sh", "-c", `find /etc /usr/local /var/lib/syscontainer -name '*syscontainer-scratch-*' -o -name '.syscontainer-*'`), "")
	m.Must("ostree", "fsck", "--quiet", "--repo=/var/lib/syscontainer/repo")

	have := map[string]bool{}
	for _, key := range strings.Fields(m.Must("etcdctl", "get", "--prefix", "key-", "--keys-only")) {
		have[key] = true
	}
	for _, n := range acknowledged {
		if !have["key-"+n] {
			m.t.Errorf("etcd acknowledged key-%s, and has lost it", n)
		}
	}
}
