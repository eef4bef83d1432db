// Package hosttest ties machines to tests: what fails stops the test, the journal of a failed test's machine is
// shown, and machines end with their tests.
package hosttest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
)

// Machine is a host of one test. Its methods stop the test when they fail.
type Machine struct {
	*host.Host
	t testing.TB
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
	return &Machine{Host: h, t: t}
}

// For returns the same machine for a subtest, which then is what stops.
func (m *Machine) For(t testing.TB) *Machine { return &Machine{Host: m.Host, t: t} }

func showJournal(t testing.TB, h *host.Host) {
	text, err := h.Journal(context.WithoutCancel(t.Context()), "")
	if err != nil {
		t.Logf("reading the machine's journal: %v", err)
	}
	lines := strings.Split(text, "\n")
	t.Logf("the machine's journal:\n%s", strings.Join(lines[max(0, len(lines)-200):], "\n"))
}

// command is the time that a command has: also in a test's cleanup, when the test's own context is over.
func (m *Machine) command() (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(m.t.Context())
	return context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("not done within two minutes"))
}

// Must runs a command that has to succeed, and returns its standard output without the last newline.
func (m *Machine) Must(argv ...string) string {
	m.t.Helper()
	ctx, cancel := m.command()
	defer cancel()
	out, err := m.Output(ctx, argv...)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// Try runs a command and returns how it ended.
func (m *Machine) Try(argv ...string) host.Result {
	m.t.Helper()
	ctx, cancel := m.command()
	defer cancel()
	result, err := m.Run(ctx, argv...)
	if err != nil {
		m.t.Fatal(err)
	}
	return result
}

// Eventually repeats a command until it succeeds and returns its standard output as Must does.
func (m *Machine) Eventually(argv ...string) string {
	m.t.Helper()
	for range 100 {
		if result := m.Try(argv...); result.Code == 0 {
			return strings.TrimSuffix(result.Stdout, "\n")
		}
		time.Sleep(100 * time.Millisecond)
	}
	return m.Must(argv...)
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
