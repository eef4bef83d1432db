package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// adoptionPatience bounds the wait for the runtime's last process to go.
	adoptionPatience = time.Second
	// handlerPatience bounds the wait for a SIGTERM handler. It is what the
	// start of a program without one takes longer.
	handlerPatience = 100 * time.Millisecond

	shortestPause = 200 * time.Microsecond
	longestPause  = 5 * time.Millisecond
)

// errEnded says that there is nothing left to supervise. Its exit status is
// known to PID 1 alone, which does not connect it with this unit yet.
var errEnded = errors.New("the container's process ended as soon as it was started")

// awaitMainProcess returns when pid is fit to be the unit's main process.
//
// It must be a child of the service manager: systemd warns otherwise and may
// not learn how the process ends. With runc that is so when runc has exited;
// crun leaves a process behind that holds the container for a moment longer.
//
// And it should be able to stop: the init of a pid namespace does not get a
// SIGTERM for which it has no handler yet, so that a stop in the first
// milliseconds would be lost and systemd wait for TimeoutStopSec=. Until then
// the launcher is the one that gets the signal.
//
// Neither is worth failing for, so the waiting ends without an error.
func (h host) awaitMainProcess(ctx context.Context, pid int, runtime string) error {
	start, pause := time.Now(), shortestPause
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := h.process(pid)
		if !p.alive {
			return errEnded
		}
		waited := time.Since(start)
		adopted := p.parent == h.manager || waited > adoptionPatience
		if adopted && (p.stoppable(runtime) || waited > handlerPatience) {
			return nil
		}
		time.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// process is what /proc says about a process.
type process struct {
	alive   bool // false for a zombie, too: systemd refuses it as main process
	name    string
	parent  int
	catches uint64 // bit n-1: it has a handler for signal n
}

// stoppable reports whether the container's program, and not the runtime that
// is about to execute it, has a handler for SIGTERM. Runtimes keep their own
// name until then ("runc:[2:INIT]", "crun").
func (p process) stoppable(runtime string) bool {
	return !strings.HasPrefix(p.name, filepath.Base(runtime)) && p.catches&(1<<(syscall.SIGTERM-1)) != 0
}

// Positions in /proc/PID/stat after the name, see proc(5).
const (
	statState    = 0
	statParent   = 1
	statSigCatch = 31
)

// process reads /proc/PID/stat: "PID (NAME) STATE PPID …", where NAME may hold
// anything, ")" too.
func (h host) process(pid int) process {
	data, err := os.ReadFile(filepath.Join(h.proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}
	}
	_, text, _ := strings.Cut(string(data), "(")
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return process{}
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) <= statSigCatch || fields[statState] == "Z" || fields[statState] == "X" {
		return process{}
	}
	p := process{alive: true, name: text[:end]}
	p.parent, _ = strconv.Atoi(fields[statParent])
	p.catches, _ = strconv.ParseUint(fields[statSigCatch], 10, 64)
	return p
}
