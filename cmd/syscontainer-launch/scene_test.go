package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test program stand in for an OCI runtime, so that each way
// in which one can fail is reachable. The real ones are used by the end-to-end
// suite.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == execRuntime {
		fmt.Fprintln(os.Stderr, becomeRuntime(os.Args[2:]))
		os.Exit(exitFailed)
	}
	if mode := os.Getenv("FAKE_RUNTIME"); mode != "" {
		os.Exit(fakeRuntime(mode, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeRuntime notes its command line and environment, and behaves as told.
func fakeRuntime(mode string, args []string) int {
	note(os.Getenv("FAKE_LOG"), strings.Join(args, " "))
	for _, variable := range os.Environ() {
		note(os.Getenv("FAKE_LOG"), "env "+variable)
	}
	if args[0] == "delete" {
		if mode == "broken-delete" {
			fmt.Println("first\nsecond")
			return 1
		}
		return 0
	}
	pid := os.Getenv("FAKE_PID")
	switch mode {
	case "fails", "broken-delete":
		return 3
	case "hangs":
		time.Sleep(time.Minute)
	case "waits": // as a container in the foreground that is stopped
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT)
		note(os.Getenv("FAKE_LOG"), "waiting")
		<-stop
		return 128 + int(syscall.SIGINT)
	case "no-pid":
		return 0
	case "bad-pid":
		pid = "-1"
	}
	if err := os.WriteFile(args[slices.Index(args, "--pid-file")+1], []byte(pid), 0o600); err != nil {
		return 4
	}
	return 0
}

func note(file, line string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

const unitCgroup = "/system.slice/etcd.service"

// scene is a host made of plain files, with one bundle.
type scene struct {
	t      *testing.T
	dir    string
	host   host
	args   []string
	notify *net.UnixConn
}

// newScene makes a host on which a start works.
func newScene(t *testing.T, mode string) *scene {
	t.Helper()
	dir := t.TempDir()
	s := &scene{t: t, dir: dir, host: host{
		proc: dir + "/proc", cgroup: dir + "/cgroup", run: dir + "/run", manager: 1, self: os.Args[0], patience: time.Minute,
		environ: append(os.Environ(), "FAKE_RUNTIME="+mode, "FAKE_LOG="+dir+"/log", "FAKE_PID=42",
			"NOTIFY_SOCKET=/x", "WATCHDOG_USEC=1", "LISTEN_FDS=1", "KEPT=yes"),
	}}
	s.write("cgroup/cgroup.controllers", "memory")
	s.write("cgroup"+unitCgroup+"/cgroup.procs", "")
	s.write("proc/self/cgroup", "9:name=systemd:/\n0::"+unitCgroup+"\n")
	s.write("proc/42/stat", stat("a) (b", "S", 1, catchesTerm))
	s.write("bundle/config.json", config(unitCgroup+"/container", `"A=b"`))
	s.args = []string{"--runtime=" + os.Args[0], "--pid-file=" + dir + "/pid", "--bundle=" + dir + "/bundle", "etcd"}
	address := &net.UnixAddr{Name: dir + "/notify", Net: "unixgram"}
	listener, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s.notify = listener
	t.Setenv("NOTIFY_SOCKET", address.Name)
	return s
}

func config(cgroupsPath, env string) string {
	return fmt.Sprintf(`{"process": {"env": [%s]}, "linux": {"cgroupsPath": %q}}`, env, cgroupsPath)
}

// catchesTerm is a signal set with SIGTERM.
const catchesTerm = 1 << 14

// stat is a line of /proc/PID/stat.
func stat(name, state string, parent, catches int) string {
	return fmt.Sprintf("42 (%s) %s %d%s %d 0 0 17", name, state, parent, strings.Repeat(" 7", 29), catches)
}

func (s *scene) write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// launch runs the program and returns its status and what it printed.
func (s *scene) launch(ctx context.Context) (int, string) {
	var stderr bytes.Buffer
	status := command(ctx, s.args, s.host, &stderr)
	return status, stderr.String()
}

// notified returns the messages that systemd would have got.
func (s *scene) notified() string {
	s.t.Helper()
	if err := s.notify.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		s.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := s.notify.Read(buffer)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Fatal(err)
	}
	return string(buffer[:n])
}

// calls returns the runtime's command lines and the environment it had.
func (s *scene) calls() (commands, env string) {
	data, _ := os.ReadFile(s.dir + "/log")
	for line := range strings.Lines(string(data)) {
		if variable, ok := strings.CutPrefix(line, "env "); ok {
			env += variable
		} else {
			commands += line
		}
	}
	return strings.ReplaceAll(commands, s.dir, ""), env
}

const (
	runCall    = "run --detach --pid-file /pid --bundle /bundle etcd\n"
	deleteCall = "delete --force etcd\n"
)
