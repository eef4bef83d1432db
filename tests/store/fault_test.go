package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/tests/badregistry"
)

// TestFaults: a registry, or the network, that fails costs a pull and nothing else.
func TestFaults(t *testing.T) {
	images := t.TempDir()
	files := makeImage(t, images, 3, 3)
	for name, test := range map[string]struct {
		fault badregistry.Fault
		well  bool // the pull succeeds all the same
	}{
		"cuts every time": {badregistry.Cut, false},
		"cuts once":       {badregistry.CutOnce, true},
		"flips a byte":    {badregistry.Flip, false},
		"ends early":      {badregistry.Short, false},
		"sends more":      {badregistry.Long, false},
		"fails":           {badregistry.Fail, false},
		"is slow":         {badregistry.Slow, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, images)
			m.Reset(test.fault)
			p := m.start("pull", "docker://"+m.Host+"/etcd")
			err := p.within(t, time.Minute)
			if (err == nil) != test.well {
				t.Errorf("the pull: %v\n%s", err, p.output.String())
			}
			if err != nil {
				t.Log(p.output.String())
				if name == "cuts every time" && strings.Contains(p.output.String(), "broken image") {
					t.Error("a cut connection is no broken image")
				}
				if _, err := os.Stat(filepath.Join(m.root, "var")); err == nil {
					t.Error("the failed pull left a repo")
				}
			}
			m.noLeftovers()
			m.Reset(badregistry.None)
			m.must("pull", "docker://"+m.Host+"/etcd")
			m.sound(files)
		})
	}
}

// TestStall: who waits for a registry that says nothing more can stop waiting.
func TestStall(t *testing.T) {
	images := t.TempDir()
	makeImage(t, images, 4, 2)
	for name, sig := range map[string]syscall.Signal{"ctrl-C": syscall.SIGINT, "termination": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, images)
			m.Reset(badregistry.Stall)
			p := m.start("pull", "docker://"+m.Host+"/etcd")
			for m.Sent() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := p.within(t, 5*time.Second); err == nil {
				t.Error("the pull succeeded")
			}
			if _, err := os.Stat(filepath.Join(m.root, "var")); err == nil {
				t.Error("the pull left a repo")
			}
			m.noLeftovers()
		})
	}
}
