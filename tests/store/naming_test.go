package store_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// TestKilledWhileNaming kills pulls where it is most dangerous: while complete objects get their names, and refs are
// written. strace counts the system calls that do that.
func TestKilledWhileNaming(t *testing.T) {
	kills := 10
	if hosttest.Long() {
		kills = 100
	}
	images := t.TempDir()
	files := makeImage(t, images, 9, 3)
	m := newMachine(t, images)
	ref := "docker://" + m.Host + "/etcd"
	killed := 0
	for n := range kills {
		call, most := "renameat2", 70
		if n%5 >= 3 {
			call, most = "linkat", 11 // refs
		}
		when := 1 + rand.IntN(most)
		p := m.prepare("pull", ref)
		strace, err := exec.LookPath("strace")
		if err != nil {
			t.Fatal(err)
		}
		p.Args = append([]string{"strace", "-f", "-qq", "-e", "trace=" + call, "-e", "signal=none", "-o", "/dev/null",
			"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, when)}, p.Args...)
		p.Path = strace
		if err := p.Run(); err != nil {
			killed++
			if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); ok && !status.Signaled() {
				t.Fatalf("pull: %v\n%s", err, p.output.String())
			}
		}
		t.Logf("%s %d: %v; refs: %q", call, when, p.ProcessState, refs(t, m.repo))
		m.sound(files)
		if _, err := storeAt(m.root).Find(t.Context(), ref); err == nil || n%3 == 2 {
			m.must("pull", ref)
			m.sound(files)
			m.noLeftovers()
			m.must("rm", ref)
		}
	}
	if killed == 0 {
		t.Error("no pull was killed")
	}
}
