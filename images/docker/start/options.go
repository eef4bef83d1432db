package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// facts are what Docker's options depend on.
type facts struct {
	subnet   []byte // flannel's subnet.env; empty when there is none
	settings []byte // the administrator's daemon.json; empty when there is none
	unit     string // the control group of the unit, as a path below the mount of cgroup v2
}

// commandLine completes the command line of dockerd. An option that daemon.json sets as well is left out, since dockerd
// refuses what is said twice: the administrator's word holds.
func commandLine(argv []string, f facts) ([]string, error) {
	set := map[string]json.RawMessage{}
	if len(f.settings) > 0 {
		if err := json.Unmarshal(f.settings, &set); err != nil {
			return nil, fmt.Errorf("reading daemon.json: %w", err)
		}
	}
	options := slices.Concat(argv[1:], []string{
		// The containers are in the control group of Docker's own unit, whose limits hold for all of them.
		"--exec-opt=native.cgroupdriver=cgroupfs",
		"--cgroup-parent=" + f.unit + "/containers",
	}, networkOptions(f.subnet))
	args := []string{argv[0]}
	for _, option := range options {
		if _, there := set[settingOf(option)]; !there {
			args = append(args, option)
		}
	}
	return args, nil
}

// settingOf is what daemon.json calls an option.
func settingOf(option string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(option, "--"), "=")
	if slices.Contains([]string{"host", "exec-opt"}, name) {
		return name + "s" // they may be repeated
	}
	return name
}

// networkOptions are what flannel's subnet file asks for. If flannel masquerades, Docker must not: what travels to
// another host would have the wrong address.
func networkOptions(subnet []byte) []string {
	var options []string
	for line := range strings.Lines(string(subnet)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case name == "FLANNEL_SUBNET":
			options = append(options, "--bip="+value)
		case name == "FLANNEL_MTU":
			options = append(options, "--mtu="+value)
		case name == "FLANNEL_IPMASQ" && value == "true":
			options = append(options, "--ip-masq=false")
		}
	}
	return options
}
