package dirlock

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Holder is a process that has a directory.
type Holder struct {
	PID int
	// Command is its command line, without what may be secret: of NAME=VALUE only
	// the name is there.
	Command string
	Since   time.Time // when it began; zero when that cannot be known
}

// String describes the holder in the middle of a sentence.
func (h Holder) String() string {
	text := fmt.Sprintf("process %d", h.PID)
	if h.Command != "" {
		text += " (" + h.Command + ")"
	}
	if !h.Since.IsZero() {
		text += " since " + h.Since.Format(time.DateTime)
	}
	return text
}

// HolderOf returns who has the directory at path at this moment. It is false when
// nobody has it, or the kernel does not tell: /proc is not there, or the process is
// one of another pid namespace.
func HolderOf(path string) (Holder, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return Holder{}, false
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return Holder{}, false
	}
	for _, pid := range lockers(string(locks), info.Sys().(*syscall.Stat_t).Ino) {
		if hasOpen(pid, info) {
			return describe(pid), true
		}
	}
	return Holder{}, false
}

// lockers are the processes with a flock on a file of that inode number. The device
// that /proc/locks has beside it is not the one of stat on every file system.
func lockers(locks string, inode uint64) []int {
	var pids []int
	for line := range strings.Lines(locks) {
		// 1: FLOCK ADVISORY WRITE 4711 08:01:123456 0 EOF; who waits has "->" before FLOCK
		words := strings.Fields(line)
		if len(words) < 6 || words[1] != "FLOCK" {
			continue
		}
		file := words[5][strings.LastIndexByte(words[5], ':')+1:]
		pid, err := strconv.Atoi(words[4])
		if err == nil && pid > 0 && file == strconv.FormatUint(inode, 10) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasOpen reports whether a process has that very directory open.
func hasOpen(pid int, dir fs.FileInfo) bool {
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return err == nil && slices.ContainsFunc(open, func(fd string) bool {
		info, err := os.Stat(fd)
		return err == nil && os.SameFile(info, dir)
	})
}

func describe(pid int) Holder {
	h := Holder{PID: pid}
	dir := fmt.Sprintf("/proc/%d/", pid)
	if line, err := os.ReadFile(dir + "cmdline"); err == nil {
		h.Command = commandOf(line)
	}
	process, err := os.ReadFile(dir + "stat")
	if err != nil {
		return h
	}
	if system, err := os.ReadFile("/proc/stat"); err == nil {
		h.Since = startOf(string(process), string(system))
	}
	return h
}

// commandOf is a command line, which has a NUL behind each word, as it can be printed.
func commandOf(line []byte) string {
	var words []string
	for word := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
		name, _, assigned := strings.Cut(string(word), "=")
		if assigned {
			name += "=…"
		}
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` || name == "" || strings.Contains(name, " ") {
			name = quoted
		}
		words = append(words, name)
	}
	if len(words) > 0 {
		words[0] = filepath.Base(words[0])
	}
	return strings.Join(words, " ")
}

// startOf reads when a process began from its /proc/PID/stat and from /proc/stat;
// zero when they do not tell.
func startOf(process, system string) time.Time {
	const ticksPerSecond = 100 // what the kernel shows to programs, on every architecture
	const startTime = 22 - 3   // the fields behind the name, which may have spaces
	_, fields, _ := strings.Cut(process[strings.LastIndexByte(process, ')')+1:], " ")
	words := strings.Fields(fields)
	_, boot, found := strings.Cut(system, "\nbtime ")
	boot, _, _ = strings.Cut(boot, "\n")
	booted, err := strconv.ParseInt(boot, 10, 64)
	if !found || err != nil || len(words) <= startTime {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(words[startTime], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(booted+ticks/ticksPerSecond, 0)
}
