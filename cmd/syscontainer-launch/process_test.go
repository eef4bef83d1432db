package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// TestProcess reads the kernel's own file: this test has a Go program's
// signal handlers and a known parent.
func TestProcess(t *testing.T) {
	p := host{proc: "/proc"}.process(os.Getpid())
	if !p.alive || p.parent != os.Getppid() || p.name == "" || !p.stoppable("/usr/bin/runc") {
		t.Errorf("got %+v", p)
	}
	if p.stoppable("/usr/bin/" + p.name) {
		t.Error("the runtime's own handlers count")
	}
}

func TestProcessThatIsNoMore(t *testing.T) {
	s := newScene(t, "")
	for name, text := range map[string]string{
		"zombie":  stat("etcd", "Z", 1, catchesTerm),
		"dead":    stat("etcd", "X", 1, catchesTerm),
		"short":   "42 (etcd) S 1",
		"garbage": "garbage",
		"empty":   "",
	} {
		s.write("proc/42/stat", text)
		if p := s.host.process(42); p.alive {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	if p := s.host.process(43); p.alive {
		t.Errorf("missing: got %+v", p)
	}
}

func TestAwaitMainProcess(t *testing.T) {
	const later = 20 * time.Millisecond
	for name, c := range map[string]struct {
		first   string
		atLeast time.Duration
		atMost  time.Duration
		runtime string
	}{
		"ready":              {stat("etcd", "S", 1, catchesTerm), 0, later, "/usr/bin/runc"},
		"crun's helper":      {stat("etcd", "S", 41, catchesTerm), later, handlerPatience, "/usr/bin/crun"},
		"runc before exec":   {stat("runc:[2:INIT]", "S", 1, catchesTerm), later, handlerPatience, "/usr/bin/runc"},
		"no handler yet":     {stat("etcd", "S", 1, 1), later, handlerPatience, "/usr/bin/runc"},
		"never has handlers": {stat("sleep", "S", 1, 0), handlerPatience, adoptionPatience, "/usr/bin/runc"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "")
			s.write("proc/42/stat", c.first)
			if c.atLeast == later {
				s.write("stat", stat("etcd", "S", 1, catchesTerm))
				time.AfterFunc(later, func() { _ = os.Rename(s.dir+"/stat", s.dir+"/proc/42/stat") })
			}
			start := time.Now()
			if err := s.host.awaitMainProcess(t.Context(), 42, c.runtime); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < c.atLeast || took > c.atMost {
				t.Errorf("took %v, not %v to %v", took, c.atLeast, c.atMost)
			}
		})
	}
}

func TestAwaitMainProcessEnds(t *testing.T) {
	s := newScene(t, "")
	s.write("proc/42/stat", stat("sleep", "S", 41, 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.host.awaitMainProcess(ctx, 42, "runc"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := s.host.awaitMainProcess(t.Context(), 43, "runc"); !errors.Is(err, errEnded) {
		t.Errorf("got %v", err)
	}
}
