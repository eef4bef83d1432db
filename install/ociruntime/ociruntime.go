// Package ociruntime asks OCI runtimes about the containers that run, and runs further
// processes in them. What these processes are, and why, is not its business.
package ociruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// System is the host's runtimes. Runtimes are named by their paths, and containers by
// the names that the runtime knows them by.
type System struct{}

// State is what a runtime says of a container.
type State struct {
	Status string // created, running, stopped or what else the runtime says
	Bundle string // the directory of its config.json
}

// State asks a runtime about a container. The error is an *Error when the runtime does
// not know it.
func (System) State(ctx context.Context, runtime, container string) (State, error) {
	var state State
	var answer bytes.Buffer
	cmd := exec.CommandContext(ctx, runtime, stateArgs(container)...)
	cmd.Stdout = &answer
	if err := run(ctx, cmd); err != nil {
		return state, fmt.Errorf("asking %s about %s: %w", runtime, container, err)
	}
	if err := json.Unmarshal(answer.Bytes(), &state); err != nil {
		return state, fmt.Errorf("asking %s about %s: %w", runtime, container, err)
	}
	return state, nil
}

func stateArgs(container string) []string { return []string{"state", container} }

// execArgs is the command line for a process in a container that runs; the specification's
// JSON of the process is in a file.
func execArgs(container, process, pidFile string) []string {
	args := []string{"exec", "--process", process}
	if pidFile != "" {
		args = append(args, "--pid-file", pidFile)
	}
	return append(args, container)
}

// Probe runs a process in a container that runs, with nothing to read, and waits for its
// end. It is the JSON of the runtime specification's process. The error is an *Error when
// the process ends with another status than 0 or cannot be started; when ctx ends, the
// process and its children are killed, and the error is the cause.
func (System) Probe(ctx context.Context, runtime, container string, process []byte) error {
	file, err := memoryFile(process)
	if err != nil {
		return err
	}
	defer file.Close()
	dir, err := os.MkdirTemp("", "syscontainer-probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pidFile := dir + "/pid"
	cmd := exec.CommandContext(ctx, runtime, execArgs(container, inheritedFile(3), pidFile)...)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Cancel = func() error { return killProcess(cmd.Process, pidFile) }
	return run(ctx, cmd)
}

// Enter runs a process in a container that runs, in the place of this one: with its files,
// its signals and its end. It returns only when the runtime cannot be executed.
func (System) Enter(runtime, container string, process []byte) error {
	file, err := memoryFile(process)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("keeping a file in memory open: %w", err)
	}
	args := append([]string{runtime}, execArgs(container, inheritedFile(int(file.Fd())), "")...)
	if err := unix.Exec(runtime, args, os.Environ()); err != nil {
		return fmt.Errorf("executing %s: %w", runtime, err)
	}
	return nil
}

// killProcess kills the process that a runtime waits for: of its own end, the process
// would not notice. One that has not begun has no pid yet.
func killProcess(runtime *os.Process, pidFile string) error {
	var pid int
	text, err := os.ReadFile(pidFile)
	if err == nil {
		_, err = fmt.Sscan(string(text), &pid)
	}
	if err != nil || pid <= 1 {
		return runtime.Kill()
	}
	// It must not have children that nobody has seen. The one that has ended is no error.
	_ = unix.Kill(pid, unix.SIGSTOP)
	for _, pid := range withDescendants(pid) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return nil
}

// withDescendants lists a process, its children, and theirs.
func withDescendants(pid int) []int {
	pids := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // of each thread
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, withDescendants(child)...)
			}
		}
	}
	return pids
}

// memoryFile makes a file that has no name, so that nothing of it stays.
func memoryFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("process.json", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "process.json")
	if _, err := file.Write(content); err != nil {
		return nil, errors.Join(fmt.Errorf("writing a file in memory: %w", err), file.Close())
	}
	return file, nil
}

// inheritedFile is the path under which a program finds a file that it was given.
func inheritedFile(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
