package store_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/badregistry"
)

// TestInterruptedPullsGoOn: layers that were complete are not asked for again, and a prune removes them.
func TestInterruptedPullsGoOn(t *testing.T) {
	images := t.TempDir()
	files := makeImage(t, images, 10, 5)
	interrupt := func(sig syscall.Signal) func(*process) {
		return func(p *process) { p.Process.Signal(sig) }
	}
	for name, test := range map[string]struct {
		fault badregistry.Fault
		end   func(*process)
	}{
		"cut":    {badregistry.CutMost, func(*process) {}},
		"ctrl-C": {badregistry.StallMost, interrupt(syscall.SIGINT)},
		"killed": {badregistry.StallMost, interrupt(syscall.SIGKILL)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, images)
			ref := "docker://" + m.Host + "/etcd"
			m.interrupted(ref, test.fault, test.end)
			m.Reset(badregistry.None)
			m.must("pull", ref)
			if m.Asked() != 3 {
				t.Errorf("%d layers were asked for, 3 of 5 were missing", m.Asked())
			}
			m.sound(files)
			m.noLeftovers()
			m.must("rm", ref)

			m.interrupted(ref, test.fault, test.end)
			m.must("prune")
			if _, err := os.Lstat(m.repo); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the prune left %s: %v", refs(t, m.repo), err)
			}
		})
	}
}

// interrupted begins a pull that ends when two layers have arrived.
func (m *machine) interrupted(ref string, fault badregistry.Fault, end func(*process)) {
	m.t.Helper()
	m.Reset(fault)
	p := m.start("pull", ref)
	if fault == badregistry.StallMost {
		for begin := time.Now(); m.blobs() < 2; time.Sleep(20 * time.Millisecond) {
			if time.Since(begin) > time.Minute {
				m.t.Fatal("no layer became part of the repo while others stalled")
			}
		}
	}
	end(p)
	if err := p.within(m.t, time.Minute); err == nil {
		m.t.Fatal("the pull succeeded")
	}
	m.sound(nil)
	if have := m.blobs(); have != 2 {
		m.t.Errorf("%d layers are there, 2 were complete\n%s", have, p.output.String())
	}
}

// blobs counts the layers that a pull would find.
func (m *machine) blobs() int {
	list, err := os.ReadDir(m.repo + "/refs/heads/blob/sha256")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	count := 0
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name(), ".") {
			count++
		}
	}
	return count
}
