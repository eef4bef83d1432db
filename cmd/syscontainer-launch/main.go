// Command syscontainer-launch is what the ExecStart= of a container's unit
// runs. It lets an OCI runtime start the container inside the unit's own
// cgroup, tells systemd that the container's init is the unit's main process,
// and exits: nothing of it stays in memory. As ExecStartPost= of a unit it starts what
// requires the unit, see bringBack.
//
// It knows cgroup v2, the sd_notify protocol and the command line that all
// OCI runtimes share. Of the bundle it reads a few facts (see facts). It knows
// nothing of images, deployments or records, and it decides nothing about
// them: what it needs stands on its command line, and in the environment in
// which systemd hands over credentials and sockets.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses. A start that systemd itself broke off is not a failure.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	os.Exit(command(ctx, os.Args[1:], realHost(), os.Stderr))
}

// command runs the whole program and returns its exit status. Everything it
// has to say is one line on stderr, which is the unit's journal.
func command(ctx context.Context, args []string, h host, stderr io.Writer) int {
	if len(args) > 0 && args[0] == execRuntime {
		fmt.Fprintf(stderr, "syscontainer-launch: %v\n", becomeRuntime(args[1:]))
		return exitFailed
	}
	if len(args) > 0 && args[0] == bringBack {
		if err := h.bringServiceBack(ctx, args[1:]); err != nil {
			fmt.Fprintf(stderr, "syscontainer-launch: %v\n", err)
			return exitFailed
		}
		return exitDone
	}
	o, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "syscontainer-launch: %v\n", err)
		return exitUsage
	}
	if o.Foreground {
		status, err := h.runToEnd(ctx, o)
		if err != nil {
			fmt.Fprintf(stderr, "syscontainer-launch: %v\n", err)
		}
		return status
	}
	err = h.launch(ctx, o)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "syscontainer-launch: %v\n", err)
	if errors.Is(err, errStopped) {
		return exitDone
	}
	return exitFailed
}

// stopSignals are the signals that mean "stop". A unit's KillSignal= is the
// image's stop signal and reaches the launcher as long as it is the main
// process, so those that images use for that must be understood: nginx's
// SIGQUIT, httpd's SIGWINCH, PostgreSQL's SIGINT, and SIGRTMIN+3 of a systemd
// in a container. Each costs 30 µs at every start, so these are not all.
func stopSignals() []os.Signal {
	const rtMin3 = syscall.Signal(34 + 3) // SIGRTMIN is libc's 34, not the kernel's 32
	return []os.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, rtMin3,
	}
}
