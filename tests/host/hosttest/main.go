package hosttest

import (
	"cmp"
	"context"
	"log"
	"os"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

// Main runs the tests of a package, which share a bed, and ends the process. The bed's machines have more packages of
// Debian if more names them.
func Main(m *testing.M, bed **testbed.Bed, more ...string) {
	var err error
	if *bed, err = testbed.Open(context.Background(), Suite(), more...); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := (*bed).Close(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// Suite is the release of Debian that is asked for.
func Suite() host.Suite {
	return cmp.Or(host.Suite(os.Getenv("SYSCONTAINER_TEST_SUITE")), host.Bookworm)
}

// Long tells whether the long loops are wanted.
func Long() bool { return os.Getenv("SYSCONTAINER_TEST_LONG") != "" }

// NewNetwork makes a network for machines of a test.
func NewNetwork(t testing.TB) *host.Network {
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
