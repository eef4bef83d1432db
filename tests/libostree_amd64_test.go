package tests_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// Without libostree what needs no repo works, and what needs one says what is missing.
func TestWithoutLibostree(t *testing.T) {
	m := machine(t)
	library := strings.TrimSpace(m.Must("sh", "-c", "ldconfig -p | sed -n 's/.*libostree-1.so.1 .* => //p'"))
	m.Must("mv", library, library+".away")
	result := m.Try("syscontainer", "install", "--system", "etcd")
	listed := m.Must("syscontainer", "list", "--json")
	m.Must("mv", library+".away", library)
	hosttest.SameText(t, "list --json", strings.TrimSpace(listed), "[]")
	hosttest.Contains(t, "install", result.Stderr, "loading libostree (is it installed?): libostree-1.so.1: cannot open shared object file")
	installEtcd(m)
}
