package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLaunchHandsTheContainerToSystemd(t *testing.T) {
	for name, c := range map[string]struct{ env, want string }{
		"silent":  {`"A=b", "NOTIFY_SOCKET="`, "MAINPID=42\nREADY=1"},
		"notify":  {`"A=b", "NOTIFY_SOCKET=/run/systemd/notify"`, "MAINPID=42"},
		"no env":  {``, "MAINPID=42\nREADY=1"},
		"similar": {`"MY_NOTIFY_SOCKET=/x"`, "MAINPID=42\nREADY=1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "works")
			s.write("bundle/config.json", config(unitCgroup+"/container", c.env))
			s.write("pid", "4711") // stale
			if status, out := s.launch(t.Context()); status != exitDone || out != "" {
				t.Fatalf("status %d, %q", status, out)
			}
			if got := s.notified(); got != c.want {
				t.Errorf("systemd got %q, want %q", got, c.want)
			}
			if calls, _ := s.calls(); calls != runCall {
				t.Errorf("runtime got %q", calls)
			}
			procs, err := os.ReadFile(s.dir + "/cgroup" + unitCgroup + "/supervisor/cgroup.procs")
			if err != nil || string(procs) != strconv.Itoa(os.Getpid()) {
				t.Errorf("supervisor cgroup holds %q, %v", procs, err)
			}
		})
	}
}

func TestRuntimeSeesNothingOfTheMainProcess(t *testing.T) {
	s := newScene(t, "works")
	s.launch(t.Context())
	_, env := s.calls()
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"} {
		if strings.Contains(env, name+"=") {
			t.Errorf("runtime sees %s", name)
		}
	}
	if !strings.Contains(env, "KEPT=yes\n") {
		t.Error("runtime does not see the rest")
	}
}

func TestFailedStart(t *testing.T) {
	for mode, c := range map[string]struct {
		change func(s *scene)
		want   string // part of the one line on stderr
		calls  string
	}{
		"fails":         {want: "starting container \"etcd\" with " + os.Args[0] + ": exit status 3\n", calls: runCall + deleteCall},
		"broken-delete": {want: "exit status 3; then cleaning up: " + os.Args[0] + " delete: exit status 1 (first; second)\n", calls: runCall + deleteCall},
		"no-pid":        {want: "reading the container's pid: ", calls: runCall + deleteCall},
		"bad-pid":       {want: `/pid holds "-1"`, calls: runCall + deleteCall},
		"dead": {
			change: func(s *scene) { os.RemoveAll(s.dir + "/proc/42") },
			want:   "ended as soon as it was started\n", calls: runCall + deleteCall,
		},
		"zombie": {
			change: func(s *scene) { s.write("proc/42/stat", stat("etcd", "Z", 1, catchesTerm)) },
			want:   "ended as soon as it was started\n", calls: runCall + deleteCall,
		},
		"no-systemd": {
			change: func(s *scene) { s.t.Setenv("NOTIFY_SOCKET", "") },
			want:   "NOTIFY_SOCKET is not set",
		},
		"no-config": {
			change: func(s *scene) { os.Remove(s.dir + "/bundle/config.json") },
			want:   "reading the container's configuration: open ",
		},
		"bad-config": {
			change: func(s *scene) { s.write("bundle/config.json", `{"process": 1}`) },
			want:   "config.json: json: ",
		},
		"no-runtime": {
			change: func(s *scene) { s.args[0] = "--runtime=" + s.dir + "/runc" },
			want:   "finding the OCI runtime: ",
		},
		"v1": {
			change: func(s *scene) { os.Remove(s.dir + "/cgroup/cgroup.controllers") },
			want:   "system containers need cgroup v2",
		},
		"no-v2-entry": {
			change: func(s *scene) { s.write("proc/self/cgroup", "1:cpu:/x\n") },
			want:   "no cgroup v2 entry",
		},
		"moved": {
			change: func(s *scene) { s.write("proc/self/cgroup", "0::/big.slice/etcd.service\n") },
			want: `config.json puts the container into cgroup "/system.slice/etcd.service/container", ` +
				`but this unit needs "/big.slice/etcd.service/container"`,
		},
		"no-cgroup": {
			change: func(s *scene) { os.RemoveAll(s.dir + "/cgroup" + unitCgroup) },
			want:   "making the supervisor cgroup: ",
		},
	} {
		t.Run(mode, func(t *testing.T) {
			s := newScene(t, mode)
			if c.change != nil {
				c.change(s)
			}
			status, out := s.launch(t.Context())
			if status != exitFailed || !strings.Contains(out, c.want) || strings.Count(out, "\n") != 1 {
				t.Errorf("status %d, %q; want one line with %q", status, out, c.want)
			}
			if calls, _ := s.calls(); calls != c.calls {
				t.Errorf("runtime got %q, want %q", calls, c.calls)
			}
			if got := s.notified(); got != "" {
				t.Errorf("systemd got %q", got)
			}
			if _, err := os.Stat(s.dir + "/pid"); err == nil {
				t.Error("the pid file is still there")
			}
		})
	}
}

func TestLeftoverIsRemovedFirst(t *testing.T) {
	s := newScene(t, "works")
	s.write("run/"+filepath.Base(os.Args[0])+"/etcd/state.json", "{}")
	if status, out := s.launch(t.Context()); status != exitDone {
		t.Fatalf("status %d, %q", status, out)
	}
	if calls, _ := s.calls(); calls != deleteCall+runCall {
		t.Errorf("runtime got %q", calls)
	}
}

// TestLeftoverThatTheRuntimeCannotDelete is about crun, see removeContainer.
func TestLeftoverThatTheRuntimeCannotDelete(t *testing.T) {
	s := newScene(t, "broken-delete")
	state := "run/" + filepath.Base(os.Args[0]) + "/etcd"
	s.write(state+"/state.json", "{")
	s.launch(t.Context())
	if exists(filepath.Join(s.dir, state)) {
		t.Error("it is still there")
	}
	if calls, _ := s.calls(); !strings.HasPrefix(calls, deleteCall+runCall) {
		t.Errorf("runtime got %q", calls)
	}
}

func TestStopWhileStarting(t *testing.T) {
	s := newScene(t, "hangs")
	ctx, stop := context.WithCancelCause(t.Context())
	go func() {
		for { // until the runtime runs
			if calls, _ := s.calls(); calls != "" {
				break
			}
			time.Sleep(time.Millisecond)
		}
		stop(errors.New("terminated signal received"))
	}()
	status, out := s.launch(ctx)
	const want = "syscontainer-launch: stopped before the container was started (terminated signal received)\n"
	if status != exitDone || out != want {
		t.Errorf("status %d, %q", status, out)
	}
	if calls, _ := s.calls(); calls != runCall+deleteCall {
		t.Errorf("runtime got %q", calls)
	}
	if got := s.notified(); got != "" {
		t.Errorf("systemd got %q", got)
	}
}

func TestUsage(t *testing.T) {
	good := []string{"--runtime=/r", "--pid-file=/p", "--bundle=/b", "etcd"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":       {nil, "need the name of one container"},
		"two names":     {append(good, "flannel"), "need the name of one container"},
		"empty name":    {append(good[:3:3], ""), "need the name of one container"},
		"path":          {append(good[:3:3], "../etcd"), `"../etcd" is no name of a container`},
		"dot":           {append(good[:3:3], "."), `"." is no name of a container`},
		"dots":          {append(good[:3:3], ".."), `".." is no name of a container`},
		"unknown":       {[]string{"--color", "etcd"}, "flag provided but not defined: -color"},
		"no runtime":    {good[1:], `--runtime="" is not an absolute path`},
		"relative":      {append([]string{"--runtime=runc"}, good[1:]...), `--runtime="runc" is not an absolute path`},
		"no pid file":   {[]string{good[0], good[2], "etcd"}, "--pid-file"},
		"no bundle":     {[]string{good[0], good[1], "etcd"}, "--bundle"},
		"asks for help": {[]string{"--help"}, "usage: syscontainer-launch"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			status := command(t.Context(), c.args, host{}, &stderr)
			out := stderr.String()
			if status != exitUsage || !strings.Contains(out, c.want) || strings.Count(out, "\n") != 1 {
				t.Errorf("status %d, %q; want %q", status, out, c.want)
			}
		})
	}
}

func TestStopSignals(t *testing.T) {
	got := make(map[os.Signal]bool)
	for _, s := range stopSignals() {
		got[s] = true
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGWINCH, 37 /* SIGRTMIN+3 */} {
		if !got[s] {
			t.Errorf("%v does not stop", s)
		}
	}
	for _, s := range []syscall.Signal{syscall.SIGCHLD, syscall.SIGURG, syscall.SIGCONT, syscall.SIGPIPE} {
		if got[s] {
			t.Errorf("%v stops", s)
		}
	}
}

// TestSmall keeps the program free of what would make its start slow: it runs
// before every start of every container.
func TestSmall(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		switch pkg {
		case "github.com/coreos/go-systemd/v22/daemon", "golang.org/x/sys/unix", "github.com/syscontainer/syscontainer/cmd/syscontainer-launch":
		default:
			t.Errorf("the launcher must not import %s", pkg)
		}
	}
}
