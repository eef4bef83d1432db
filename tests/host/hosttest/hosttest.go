// Package hosttest ties machines to tests: what fails stops the test, the journal of a failed test's machine is
// shown, and machines end with their tests.
package hosttest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
)

// Machine is a host of one test. Its methods stop the test when they fail.
type Machine struct {
	*host.Host
	Commands
}

func newMachine(t testing.TB, h *host.Host) *Machine {
	return &Machine{Host: h, Commands: On(t, h, 2*time.Minute)}
}

// Boot starts a machine that ends with the test.
func Boot(t testing.TB, lab *host.Lab, o host.Options) *Machine {
	t.Helper()
	h, err := lab.Boot(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			showJournal(t, h)
		}
		if err := h.Close(); err != nil {
			t.Errorf("closing the machine: %v", err)
		}
	})
	return newMachine(t, h)
}

// For returns the same machine for a subtest, which then is what stops.
func (m *Machine) For(t testing.TB) *Machine { return newMachine(t, m.Host) }

func showJournal(t testing.TB, h *host.Host) {
	text, err := h.Journal(context.WithoutCancel(t.Context()), "")
	if err != nil {
		t.Logf("reading the machine's journal: %v", err)
	}
	lines := strings.Split(text, "\n")
	t.Logf("the machine's journal:\n%s", strings.Join(lines[max(0, len(lines)-200):], "\n"))
}

// Disk records what is on the machine's disk.
func (m *Machine) Disk(except ...string) host.Snapshot {
	m.t.Helper()
	return Disk(m.t, m.Root, except...)
}

// Disk records what is on a root's disk.
func Disk(t testing.TB, root *host.Root, except ...string) host.Snapshot {
	t.Helper()
	snapshot, err := root.Snapshot(except...)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// Same reports an error for everything that differs between two snapshots.
func Same(t testing.TB, before, after host.Snapshot) {
	t.Helper()
	if changes := before.Diff(after); len(changes) > 0 {
		t.Errorf("the disk should be as before, but:\n\t%s", strings.Join(changes, "\n\t"))
	}
}
