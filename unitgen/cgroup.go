package unitgen

import (
	"slices"
	"strings"
)

// CgroupPath returns the control group in which systemd's system manager runs the
// unit when it is installed as unitName: /system.slice/etcd.service, or below the
// slice that Slice= names, each level of it a directory. The error is a
// *NameError when unitName or Slice= is not a name that stands for itself.
func (u Unit) CgroupPath(unitName string) (string, error) {
	if err := CheckUnitName(unitName); err != nil {
		return "", err
	}
	slice := "system.slice"
	for _, s := range u.All("Service", "Slice") {
		if s != "" {
			slice = s
		}
	}
	if err := CheckUnitName(slice); err != nil {
		return "", err
	}
	if reason := sliceProblem(slice); reason != "" {
		return "", &NameError{Name: slice, Reason: reason}
	}
	return slicePath(slice) + "/" + escapeCgroup(unitName), nil
}

// slicePath spells the levels of a slice: a-b.slice is /a.slice/a-b.slice, and
// -.slice is the root itself.
func slicePath(slice string) string {
	prefix := strings.TrimSuffix(slice, ".slice")
	if prefix == "-" {
		return ""
	}
	var path strings.Builder
	for i, c := range prefix + "-" {
		if c == '-' {
			path.WriteString("/" + escapeCgroup(prefix[:i]+".slice"))
		}
	}
	return path.String()
}

// escapeCgroup puts "_" before a name that would look like a file of the kernel's
// in a cgroup directory, as systemd does: memory.service becomes _memory.service.
func escapeCgroup(name string) string {
	controllers := []string{
		"cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids",
		"bpf-firewall", "bpf-devices", "bpf-foreign", "bpf-socket-bind",
		"bpf-restrict-network-interfaces", "bpf-bind-network-interface",
	}
	first, _, _ := strings.Cut(name, ".")
	if first == "" || name[0] == '_' || slices.Contains(controllers, first) {
		return "_" + name
	}
	return name
}
