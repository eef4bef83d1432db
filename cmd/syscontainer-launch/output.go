package main

import (
	"fmt"
	"os"
	"os/exec"
)

// output is where the container's standard output and error go. Close it when the
// container has them.
type output struct {
	stdout, stderr *os.File
	pipe           *os.File  // our end of it for the container; nil without one
	cat            *exec.Cmd // what hands on what comes through the pipe
}

// containerOutput returns the launcher's own standard output and error, which are the
// journal's socket, or a pipe to it.
func containerOutput(f facts) (*output, error) {
	if !f.Pipe {
		return &output{stdout: os.Stdout, stderr: os.Stderr}, nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the container's output: %w", err)
	}
	defer read.Close()
	cat, err := forward(read)
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	return &output{stdout: write, stderr: write, pipe: write, cat: cat}, nil
}

// Close gives up the launcher's end of the pipe, so that it ends with the container.
func (o *output) Close() {
	if o.pipe != nil {
		_ = o.pipe.Close()
	}
}

// Drain waits until all of the container's output is handed on. It must have been closed.
func (o *output) Drain() {
	if o.cat != nil {
		_ = o.cat.Wait() // its exit status means nothing
	}
}

// forward starts the process that hands on what comes through the pipe: cat, which
// every host has. It stays in the supervisor's cgroup until the last process of the
// container has closed the other end. systemd does not signal it before then: it is
// not the main process, and KillMode=mixed kills the others only when that is gone
// and ExecStopPost= has run.
func forward(read *os.File) (*exec.Cmd, error) {
	program, err := exec.LookPath("cat")
	if err != nil {
		return nil, fmt.Errorf("finding the program that hands on the container's output: %w", err)
	}
	cat := exec.Command(program) // not with a context: it outlives the launcher
	cat.Env = []string{}
	cat.Dir = "/"
	cat.Stdin, cat.Stdout, cat.Stderr = read, os.Stdout, os.Stderr
	if err := cat.Start(); err != nil {
		return nil, fmt.Errorf("handing on the container's output: %w", err)
	}
	return cat, nil
}
