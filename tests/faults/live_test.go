package faults_test

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/inject"
)

// liveVerb is a command on a machine whose systemd runs.
type liveVerb struct {
	name  string
	begin [][]string // what makes the machine that it finds, serving v1; v2 is served afterwards
	args  []string
	runs  bool // the service runs before and, if it is there, afterwards
}

var (
	liveInstall = []string{"install", "--system", "--now", liveApp}
	liveUpdate  = []string{"update", "--wait=100ms", "served"}
)

var liveVerbs = []liveVerb{
	{name: "install", args: liveInstall},
	{name: "update", begin: [][]string{liveInstall}, args: liveUpdate, runs: true},
	{name: "rollback", begin: [][]string{liveInstall, liveUpdate}, args: []string{"rollback", "--wait=100ms", "served"}, runs: true},
	{name: "uninstall", begin: [][]string{liveInstall}, args: []string{"uninstall", "served"}, runs: true},
}

// TestEachRequestToSystemd interferes with verbs where they ask systemd for something: to start, stop, enable, reload.
// Below a root that does not run there is none of that.
func TestEachRequestToSystemd(t *testing.T) {
	m := newMachine(t)
	errnos := []unix.Errno{0, unix.EIO} // 0 kills
	if !hosttest.Long() {
		errnos = errnos[:1]
	}
	for _, v := range liveVerbs {
		for _, errno := range errnos {
			t.Run(fmt.Sprintf("%s, %v", v.name, errno), func(t *testing.T) {
				for n := 1; m.interfere(t, v, inject.Fault{Nth: n, Errno: errno, Only: inject.Requests}); n++ {
				}
			})
		}
	}
}

// interfere tells whether the command came to the point.
func (m *machine) interfere(t *testing.T, v liveVerb, fault inject.Fault) bool {
	m = &machine{m.For(t), t, m.images}
	m.serve("v1")
	for _, args := range v.begin {
		m.Must(append([]string{"syscontainer"}, args...)...)
		m.serve("v2")
	}
	r := m.under(fault, v.args...)
	t.Logf("%d: %s; it ended with %d", fault.Nth, r.Hit, r.code)
	if fault.Errno != 0 && r.Hit != "" && r.code == 0 {
		t.Errorf("a request that could not be sent is no error")
	}
	m.Must("syscontainer", "recover")
	m.settled("served")
	installed := slices.Contains(m.names(), "served")
	if active := m.Try("systemctl", "is-active", "served").Code == 0; v.runs && installed && !active {
		t.Errorf("it ran, and does not run any more")
	}
	m.reset()
	return r.Hit != "" && !t.Failed()
}
