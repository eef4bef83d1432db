package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	hosts "github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// together runs commands at the same time, and returns how each ended.
func (m *machine) together(commands ...[]string) []hosts.Result {
	m.t.Helper()
	results := make([]hosts.Result, len(commands))
	errs := make([]error, len(commands))
	var all sync.WaitGroup
	for i, args := range commands {
		all.Go(func() { results[i], errs[i] = m.Run(m.t.Context(), append([]string{"syscontainer"}, args...)...) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			m.t.Fatalf("%q: %v", commands[i], err)
		}
	}
	return results
}

func (m *machine) allWell(results []hosts.Result) {
	m.t.Helper()
	for _, r := range results {
		if r.Code != 0 {
			m.t.Errorf("it ended with %d: %s", r.Code, r.Stderr)
		}
	}
}

// TestAtTheSameTime has two administrators at work, or eight.
func TestAtTheSameTime(t *testing.T) {
	rounds := 1
	if hosttest.Long() {
		rounds = 20
	}
	all := newMachine(t)
	for name, test := range map[string]func(m *machine){
		"two installs of one name": func(m *machine) {
			results := m.together(liveInstall, liveInstall)
			m.allWell(results)
			already := 0
			for _, r := range results {
				already += strings.Count(r.Stdout+r.Stderr, "already")
			}
			if already != 1 {
				m.t.Errorf("%d of two say that it is there already: %+v", already, results)
			}
		},
		"install and prune": func(m *machine) {
			prune := []string{"images", "prune", "--all"}
			m.allWell(m.together(prune, liveInstall, prune, append(slices.Clone(liveInstall), "--name=other"), prune))
			m.settled("other")
		},
		"update and uninstall": func(m *machine) {
			m.Must(append([]string{"syscontainer"}, liveInstall...)...)
			m.serve("v2")
			results := m.together(liveUpdate, []string{"uninstall", "served"})
			m.allWell(results[1:])
			if r := results[0]; r.Code != 0 && !strings.Contains(r.Stderr, "not installed") {
				m.t.Errorf("the update: %+v", r)
			}
			if slices.Contains(m.names(), "served") {
				m.t.Error("it was uninstalled, and is there")
			}
		},
		"eight names": func(m *machine) {
			var commands [][]string
			for n := range 8 {
				commands = append(commands, append(slices.Clone(liveInstall), fmt.Sprint("--name=served", n)))
			}
			m.allWell(m.together(commands...))
			for n := range 8 {
				name := fmt.Sprint("served", n)
				m.Must("systemctl", "is-active", name)
				m.settled(name)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{all.For(t), t, all.images}
			for range rounds {
				m.serve("v1")
				test(m)
				m.settled("served")
				m.reset()
			}
		})
	}
}
