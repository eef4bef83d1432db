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
}

// readFacts reads config.json of the bundle.
func readFacts(bundle string) (facts, error) {
	file := filepath.Join(bundle, "config.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return facts{}, fmt.Errorf("reading the container's configuration: %w", err)
	}
	var config struct {
		Process struct{ Env []string }
		Linux   struct{ CgroupsPath string }
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return facts{}, fmt.Errorf("reading %s: %w", file, err)
	}
	f := facts{CgroupsPath: config.Linux.CgroupsPath}
	for _, variable := range config.Process.Env {
		if value, ok := strings.CutPrefix(variable, "NOTIFY_SOCKET="); ok && value != "" {
			f.Notifies = true
		}
	}
	return f, nil
}
