package node_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// writer puts key after key into the cluster, and notes each that was acknowledged.
const writer = `n=0
while ! test -e /run/enough; do
	n=$((n + 1))
	etcdctl --endpoints=ENDPOINTS --command-timeout=5s put /written/$n $n >/dev/null 2>&1 && echo /written/$n >>/run/acknowledged
done`

// missing are the acknowledged keys that are not in the cluster.
const missing = `etcdctl get --prefix --keys-only /written/ | sed '/^$/d' | sort >/run/there
sort /run/acknowledged | comm -23 - /run/there`

// updatesOneByOne updates the members of the cluster while somebody writes all the time.
func updatesOneByOne(t *testing.T, nodes []*hosttest.Machine) {
	a := nodes[0]
	a.Must("systemd-run", "--unit=writer", "--collect", "bash", "-c", strings.Replace(writer, "ENDPOINTS", endpoints(), 1))
	a.Eventually("test", "-s", "/run/acknowledged")
	for _, m := range nodes {
		before := m.Property("etcd", "MainPID")
		m.Must("syscontainer", "update", "--wait", "2s", "--set", "ETCD_LOG_LEVEL=warn", "etcd")
		if m.Property("etcd", "MainPID") == before {
			t.Error("this etcd was not restarted")
		}
	}
	a.Must("touch", "/run/enough")
	await(t, a, "the writer ended", func() bool { return a.Try("systemctl", "is-active", "writer").Code != 0 })
	lost := a.Must("bash", "-c", missing)
	hosttest.SameText(t, "acknowledged and not there", lost, "")
	t.Logf("%s keys were acknowledged", a.Must("sh", "-c", "wc -l </run/acknowledged"))
}
