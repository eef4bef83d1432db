package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// containerCgroup holds the container, below its unit's cgroup.
	containerCgroup = "container"
	// supervisorCgroup holds the launcher and the runtime. With a process in
	// the unit's own cgroup the kernel would not give controllers to the
	// cgroups below it, and runc would fall back to a threaded cgroup.
	supervisorCgroup = "supervisor"
)

// enterSupervisor checks that the container would land in this unit's cgroup
// and moves the launcher out of the way, into a sub-cgroup of its own.
// Nothing has changed after an error that names the configuration.
func (h host) enterSupervisor(cgroupsPath string) error {
	own, err := h.ownCgroup()
	if err != nil {
		return err
	}
	if want := path.Join(own, containerCgroup); cgroupsPath != want {
		return fmt.Errorf("config.json puts the container into cgroup %q, but this unit needs %q: "+
			"the unit's name or Slice= has changed since the installation", cgroupsPath, want)
	}
	dir := filepath.Join(h.cgroup, own, supervisorCgroup)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the supervisor cgroup: %w", err)
	}
	procs := filepath.Join(dir, "cgroup.procs")
	if err := os.WriteFile(procs, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return fmt.Errorf("moving into the supervisor cgroup: %w", err)
	}
	return nil
}

// ownCgroup returns the launcher's cgroup as a path below the cgroup2 mount.
//
// /proc/self/cgroup may list v1 hierarchies too (a container with a pure
// cgroup2 mount on a hybrid machine); what counts is what is mounted.
func (h host) ownCgroup() (string, error) {
	if _, err := os.Stat(filepath.Join(h.cgroup, "cgroup.controllers")); err != nil {
		return "", fmt.Errorf("%s is not a cgroup2 mount: system containers need cgroup v2 "+
			"(boot with systemd.unified_cgroup_hierarchy=1)", h.cgroup)
	}
	data, err := os.ReadFile(filepath.Join(h.proc, "self", "cgroup"))
	if err != nil {
		return "", fmt.Errorf("finding this unit's cgroup: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if own, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return own, nil
		}
	}
	return "", errors.New("finding this unit's cgroup: no cgroup v2 entry in /proc/self/cgroup")
}
