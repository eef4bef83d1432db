// Package node_test is the proof that a node is what the images are for: etcd, flannel and Docker as system
// containers, which come up in that order, each when the one before is ready, and come back together.
package node_test

import (
	"cmp"
	"context"
	"log"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

var bed *testbed.Bed

func TestMain(m *testing.M) {
	suite := cmp.Or(host.Suite(os.Getenv("SYSCONTAINER_TEST_SUITE")), host.Bookworm)
	var err error
	if bed, err = testbed.Open(context.Background(), suite); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := bed.Close(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// network makes a network for the machines of a test.
func network(t *testing.T) *host.Network {
	t.Helper()
	n, err := host.NewNetwork(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

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

// property is what systemd says of a unit.
func property(m *hosttest.Machine, unit, name string) string {
	return m.Must("systemctl", "show", "--property="+name, "--value", unit)
}

func contains(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s should have %q:\n%s", what, word, text)
		}
	}
}

func sameText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
