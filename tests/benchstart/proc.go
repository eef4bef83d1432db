package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// processorTime is what all of the machine has used.
func processorTime() (time.Duration, error) {
	text, err := os.ReadFile("/sys/fs/cgroup/cpu.stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if micros, found := strings.CutPrefix(line, "usage_usec "); found {
			n, err := strconv.ParseInt(strings.TrimSpace(micros), 10, 64)
			return time.Duration(n) * time.Microsecond, err
		}
	}
	return 0, errors.New("the machine's cgroup does not tell what it used")
}

// processes maps the ids of all that run to their names.
func processes() (map[int]string, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	list := map[int]string{}
	for _, dir := range dirs {
		id, _ := strconv.Atoi(filepath.Base(dir))
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err == nil { // else it has just ended
			list[id] = strings.TrimSpace(string(name))
		}
	}
	return list, nil
}

// beside tells what has come since, except for the program itself: how much of memory is its own, and names.
func beside(before map[int]string) (resident int64, names []string, err error) {
	now, err := processes()
	if err != nil {
		return 0, nil, err
	}
	names = []string{}
	for id, name := range now {
		if before[id] == name || name == "app" {
			continue
		}
		own, err := proportional(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		resident += own
		names = append(names, name)
	}
	slices.Sort(names)
	return resident, names, nil
}

// proportional is the memory of a process in which what it shares counts by its share.
func proportional(id int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", id))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kib, found := strings.CutPrefix(line, "Pss:"); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d does not tell what it has of memory", id)
}
