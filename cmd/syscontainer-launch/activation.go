package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// execRuntime as first argument makes this program execute the runtime in its place.
// A runtime takes sockets only when LISTEN_PID is its own pid, which is known in
// the process that becomes it, and not before.
const execRuntime = "--exec-runtime"

// sockets returns how many sockets systemd has passed to this process.
func (h host) sockets() int {
	if h.variable("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.Atoi(h.variable("LISTEN_FDS"))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

func (h host) variable(name string) string {
	for _, variable := range h.environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// startRuntime starts the command of a runtime: with the environment that it may
// have, and with the sockets that are meant for the container. These are open in this
// process and all that it starts, see sd_listen_fds(3).
func (h host) startRuntime(cmd *exec.Cmd) error {
	cmd.Env = runtimeEnv(h.environ)
	n := h.sockets()
	if n == 0 {
		return cmd.Start()
	}
	cmd.Env = append(cmd.Env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_FDNAMES="+h.variable("LISTEN_FDNAMES"))
	cmd.Args = append([]string{"syscontainer-launch", execRuntime, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = h.self
	return cmd.Start()
}

// becomeRuntime executes a runtime, and returns only when that is impossible.
func becomeRuntime(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs a program", execRuntime)
	}
	env := append(os.Environ(), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	if err := syscall.Exec(args[0], args, env); err != nil {
		return fmt.Errorf("executing %s: %w", args[0], err)
	}
	return nil
}
