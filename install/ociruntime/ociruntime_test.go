package ociruntime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCommandLines(t *testing.T) {
	for name, tt := range map[string]struct{ got, want []string }{
		"state":    {stateArgs("etcd"), []string{"state", "etcd"}},
		"a probe":  {execArgs("etcd", "/proc/self/fd/3", "/run/x/pid"), []string{"exec", "--process", "/proc/self/fd/3", "--pid-file", "/run/x/pid", "etcd"}},
		"for ever": {execArgs("etcd", "/proc/self/fd/3", ""), []string{"exec", "--process", "/proc/self/fd/3", "etcd"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !slices.Equal(tt.got, tt.want) {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

// runtimeOf writes a program that stands for a runtime, as far as a shell can.
func runtimeOf(t *testing.T, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "runtime")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestState(t *testing.T) {
	got, err := System{}.State(t.Context(), runtimeOf(t, `echo '{"id":"'$2'","status":"running","bundle":"/b"}'`), "etcd")
	if err != nil || got != (State{Status: "running", Bundle: "/b"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = System{}.State(t.Context(), runtimeOf(t, "echo no such container >&2; exit 1"), "etcd")
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != 1 || refused.Line != "no such container" {
		t.Errorf("got %v", err)
	}
	if _, err = (System{}).State(t.Context(), runtimeOf(t, "echo yes"), "etcd"); err == nil || errors.As(err, &refused) && err == error(refused) {
		t.Errorf("got %v", err)
	}
	if _, err = (System{}).State(t.Context(), "/nowhere/runc", "etcd"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestProbe(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, tt := range map[string]struct{ script, want string }{
		"well":                {`test "$(cat $3)" = process`, ""},
		"unwell":              {"echo 'no leader' >&2; exit 7", "exit status 7: no leader"},
		"the last line":       {"echo a; echo; echo ' b\tc\033[31m'; echo; exit 1", "exit status 1: b c [31m"},
		"not a word":          {"exit 1", "exit status 1"},
		"a signal":            {"kill -9 $$", "ended by a signal"},
		"no pid file is left": {`touch "$5"`, ""},
		"leaves somebody":     {"sleep 30 &", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := System{}.Probe(t.Context(), runtimeOf(t, tt.script), "etcd", []byte("process"))
			if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	left, _ := filepath.Glob(os.Getenv("TMPDIR") + "/*")
	if len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A process of a container lives on when only its runtime is killed.
func TestProbeThatHangsIsKilledWithItsChildren(t *testing.T) {
	dir := t.TempDir()
	script := `sh -c 'echo $$ >"$1.part"; setsid sh -c "echo \$\$ >` + dir + `/child; exec sleep 300" & mv "$1.part" "$1"; wait' sh "$5" & wait`
	ctx, cancel := context.WithCancelCause(t.Context())
	tooLong := errors.New("not done within 3s")
	go func() {
		for {
			if _, err := os.Stat(dir + "/child"); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
		cancel(tooLong)
	}()
	if err := (System{}).Probe(ctx, runtimeOf(t, script), "etcd", nil); !errors.Is(err, tooLong) {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(dir + "/child")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if !lives(strings.TrimSpace(string(text))) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the child of the process lives on")
}

// lives reports whether there is such a process, and more of it than what its parent has yet to take note of.
func lives(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestProbeThatNeverBegins(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := (System{}).Probe(ctx, runtimeOf(t, "exec sleep 300"), "etcd", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if time.Since(begin) > time.Minute {
		t.Error("it took a minute")
	}
}
