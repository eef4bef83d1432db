package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const foregroundCalls = "run --pid-file /pid --bundle /bundle etcd\ndelete --force etcd\n"

func TestForegroundEndsAsTheContainerDoes(t *testing.T) {
	for mode, want := range map[string]int{"works": exitDone, "fails": 3} {
		t.Run(mode, func(t *testing.T) {
			s := newScene(t, mode)
			s.args = append([]string{"--foreground"}, s.args...)
			if status, out := s.launch(t.Context()); status != want || out != "" {
				t.Errorf("status %d, %q", status, out)
			}
			if calls, _ := s.calls(); calls != foregroundCalls {
				t.Errorf("runtime got %q", calls)
			}
			if got := s.notified(); got != "" {
				t.Errorf("systemd got %q", got)
			}
			if exists(s.dir + "/pid") {
				t.Error("the pid file is still there")
			}
		})
	}
}

func TestForegroundHandsTheStopOn(t *testing.T) {
	s := newScene(t, "waits")
	s.args = append([]string{"--foreground"}, s.args...)
	go func() {
		for {
			if calls, _ := s.calls(); strings.Contains(calls, "waiting") {
				break
			}
			time.Sleep(time.Millisecond)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
	}()
	if status, out := s.launch(t.Context()); status != exitDone || out != "" {
		t.Errorf("status %d, %q", status, out)
	}
}

func TestSocketsReachTheRuntime(t *testing.T) {
	s := newScene(t, "works")
	s.host.environ = append(s.host.environ, "LISTEN_PID="+strconv.Itoa(os.Getpid()), "LISTEN_FDNAMES=a:b")
	if status, out := s.launch(t.Context()); status != exitDone || out != "" {
		t.Fatalf("status %d, %q", status, out)
	}
	calls, env := s.calls()
	if calls != runCall {
		t.Errorf("runtime got %q", calls)
	}
	for _, want := range []string{"LISTEN_FDS=1\n", "LISTEN_FDNAMES=a:b\n", "LISTEN_PID="} {
		if !strings.Contains(env, want) {
			t.Errorf("the runtime does not see %s", want)
		}
	}
	if strings.Contains(env, "LISTEN_PID="+strconv.Itoa(os.Getpid())+"\n") {
		t.Error("LISTEN_PID is the launcher's")
	}
}
