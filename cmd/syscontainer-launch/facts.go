package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// facts is what the launcher has to know of a bundle's config.json.
type facts struct {
	CgroupsPath string // linux.cgroupsPath: where the container's processes shall be
	Notifies    bool   // the container says READY=1 itself
	Pipe        bool   // its output goes through a pipe

	Mounts []string // sources of the mounts
	// UID and GID are the host's for the user that the container's program begins as.
	UID, GID int
}

// idMapping is a range of IDs of a user namespace.
type idMapping struct{ ContainerID, HostID, Size int }

// hostID returns the host's ID for one of the container.
func hostID(id int, mappings []idMapping) int {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID
		}
	}
	return id
}

// outputAnnotation is where config.json says that the container's output must be a
// pipe: programs open /dev/stdout by its name, and the journal's socket cannot be opened.
const outputAnnotation = "io.github.syscontainer.output"

// readFacts reads config.json of the bundle.
func readFacts(bundle string) (facts, error) {
	file := filepath.Join(bundle, "config.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return facts{}, fmt.Errorf("reading the container's configuration: %w", err)
	}
	var config struct {
		Process struct {
			Env  []string
			User struct{ UID, GID int }
		}
		Mounts []struct{ Source string }
		Linux  struct {
			CgroupsPath              string
			UIDMappings, GIDMappings []idMapping
		}
		Annotations map[string]string
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return facts{}, fmt.Errorf("reading %s: %w", file, err)
	}
	f := facts{
		CgroupsPath: config.Linux.CgroupsPath,
		Pipe:        config.Annotations[outputAnnotation] == "pipe",
		UID:         hostID(config.Process.User.UID, config.Linux.UIDMappings),
		GID:         hostID(config.Process.User.GID, config.Linux.GIDMappings),
	}
	for _, mount := range config.Mounts {
		f.Mounts = append(f.Mounts, mount.Source)
	}
	for _, variable := range config.Process.Env {
		if value, ok := strings.CutPrefix(variable, "NOTIFY_SOCKET="); ok && value != "" {
			f.Notifies = true
		}
	}
	return f, nil
}
