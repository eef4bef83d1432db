// Package node_test is the proof that a node is what the images are for: etcd, flannel and Docker as system
// containers, which come up in that order, each when the one before is ready, and come back together.
package node_test

import (
	"net/netip"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed) }

// machine boots a host that has an address in the network.
func machine(t *testing.T, n *host.Network, name, address string) *hosttest.Machine {
	t.Helper()
	images, err := bed.Lab.TempDir() // Docker's, on a disk that overlays can be on
	if err != nil {
		t.Fatal(err)
	}
	o := bed.Machine()
	o.Name, o.Network, o.Address = name, n, netip.MustParsePrefix(address+"/24")
	o.Mounts = map[string]string{"/var/lib/docker": images}
	return hosttest.Boot(t, bed.Lab, o)
}
