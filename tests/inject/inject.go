// Package inject runs a program and interferes at one point: at the n-th system call by which the program, or any
// process that it starts, changes what outlives it. In place of that call the processes are killed, or the call fails.
//
// Which calls these are is the table in calls.go, and nothing else decides it: the kernel stops every process at every
// call of the table (seccomp's user notification), so none is missed, whichever thread, library or child makes it. Calls
// of several threads are counted in the order in which the kernel reports them.
package inject

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Fault is what happens, and where. The zero value interferes with nothing and only counts.
type Fault struct {
	Nth   int        // the call, from 1
	Errno unix.Errno // what it returns; 0 kills the program and what it has started
	Only  string     // only calls that begin so, as Report.Hit has them, count; "" is all
}

// Requests are the calls by which systemd is asked for a change.
const Requests = "write socket:"

// Report is what was seen.
type Report struct {
	Calls int    // that change something, up to the end of the program
	Hit   string // the call that was interfered with, for people; "" when the program ended before it
}

// Run runs the command to its end, under the fault. How the program ended is in cmd.ProcessState; an error says that it
// could not be run, or not be watched.
func Run(cmd *exec.Cmd, fault Fault) (Report, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // so that all of it can be killed
	watched, err := start(cmd)
	if err != nil {
		return Report{}, err
	}
	w := watcher{fault: fault, listener: watched.listener, thread: watched.thread}
	seen := make(chan error)
	go func() { seen <- w.watch(watched.stop) }()
	err = <-watched.ended
	if cmd.Process != nil {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // what it left running
	}
	err = errors.Join(err, unix.Close(watched.end), <-seen, unix.Close(watched.stop), unix.Close(watched.listener))
	if err != nil {
		return w.report, fmt.Errorf("running %q: %w", cmd.Args, err)
	}
	return w.report, nil
}

// watched is a program that runs under the filter.
type watched struct {
	listener  int // from which the kernel's notifications come
	thread    int // of ours, which started it
	stop, end int // a pipe: when end is closed, the watcher stops
	ended     chan error
}

// start starts the command on a thread of its own that has the filter: a process inherits it from the thread that
// starts it. The thread ends with the goroutine, since it stays locked to it.
func start(cmd *exec.Cmd) (watched, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return watched{}, err
	}
	w := watched{stop: pipe[0], end: pipe[1], ended: make(chan error, 1)}
	installed := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		w.thread = unix.Gettid()
		w.listener, err = installFilter()
		installed <- err
		if err == nil {
			w.ended <- runToEnd(cmd)
		}
	}()
	if err := <-installed; err != nil {
		return watched{}, errors.Join(fmt.Errorf("installing the filter: %w", err), unix.Close(w.stop), unix.Close(w.end))
	}
	return w, nil
}

// runToEnd returns no error for a program that failed or was killed.
func runToEnd(cmd *exec.Cmd) error {
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil
	}
	return err
}

// watcher answers the kernel.
type watcher struct {
	fault    Fault
	listener int
	thread   int
	report   Report
}

// watch answers until the pipe's other end is closed.
func (w *watcher) watch(stop int) error {
	for {
		ready := []unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if ready[0].Revents&unix.POLLIN != 0 {
			if err := w.answerOne(); err != nil {
				return err
			}
			continue
		}
		if ready[1].Revents != 0 || ready[0].Revents != 0 {
			return nil
		}
	}
}

// answerOne lets one call pass, or does to it what the fault says. A process that died meanwhile is no error.
func (w *watcher) answerOne() error {
	var n notification
	if err := ioctl(w.listener, unix.SECCOMP_IOCTL_NOTIF_RECV, &n); err != nil {
		return ignore(err, unix.ENOENT, unix.EINTR)
	}
	answer := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if int(n.pid) != w.thread && n.changesState() && (w.fault.Only == "" || strings.HasPrefix(n.String(), w.fault.Only)) {
		w.report.Calls++
		if w.report.Calls == w.fault.Nth {
			w.report.Hit = n.String()
			if w.fault.Errno == 0 {
				return ignore(killGroupOf(int(n.pid)), unix.ESRCH)
			}
			answer = response{id: n.id, error: -int32(w.fault.Errno)}
		}
	}
	return ignore(ioctl(w.listener, unix.SECCOMP_IOCTL_NOTIF_SEND, &answer), unix.ENOENT)
}

// killGroupOf kills a process and its group: the program and what it started.
func killGroupOf(pid int) error {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return err
	}
	return unix.Kill(-group, unix.SIGKILL)
}

func ignore(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
