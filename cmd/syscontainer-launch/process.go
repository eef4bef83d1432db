package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	adoptionInterval = 200 * time.Microsecond
	adoptionTimeout  = time.Second
)

// errEnded says that there is nothing left to supervise. Its exit status is
// known to systemd alone, which does not connect it with this unit yet.
var errEnded = errors.New("the container's process ended as soon as it was started")

// awaitAdoption returns when pid has become a child of the service manager,
// which systemd expects of a main process: otherwise it warns and may not
// learn how the process ends. With runc that is so when runc has exited. crun
// leaves a process behind that holds the container for a moment longer.
//
// It gives up waiting after a second, without an error: supervision of a
// process that is not a child is worse, but it works.
func (h host) awaitAdoption(ctx context.Context, pid int) error {
	deadline := time.Now().Add(adoptionTimeout)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := h.process(pid)
		if !p.alive {
			return errEnded
		}
		if p.parent == h.manager || time.Now().After(deadline) {
			return nil
		}
		time.Sleep(adoptionInterval)
	}
}

// process is what /proc says about a process.
type process struct {
	alive  bool // false for a zombie, too: systemd refuses it as main process
	parent int
}

// process reads /proc/PID/stat: "PID (COMMAND) STATE PPID …", where COMMAND
// may hold anything, ")" too.
func (h host) process(pid int) process {
	data, err := os.ReadFile(filepath.Join(h.proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return process{}
	}
	parent, err := strconv.Atoi(fields[1])
	return process{alive: err == nil, parent: parent}
}
