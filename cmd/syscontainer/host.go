package main

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/unitgen/sysd"
)

// inspectHost looks at what the machine can do. Of a host that does not run
// nothing is known, and its launcher will look when it boots.
func inspectHost(tree *hosttree.Tree, units units) deployment.Host {
	_, runs := units.(*sysd.Manager)
	host := deployment.Host{
		UID:          os.Getuid(),
		GID:          os.Getgid(),
		Unified:      !runs || isUnified(tree),
		Capabilities: kernelCapabilities(),
	}
	if runs {
		host.Grantable = grantableCapabilities(tree)
		host.MaxFiles = maxFiles(tree)
	}
	return host
}

// isUnified reports whether the host has cgroup v2 and nothing else.
func isUnified(tree *hosttree.Tree) bool {
	disk, err := tree.Follow("/sys/fs/cgroup")
	if err != nil {
		return false
	}
	var stat unix.Statfs_t
	return unix.Statfs(disk, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC
}

// kernelCapabilities lists the capabilities that this kernel knows, in the order
// of their numbers.
func kernelCapabilities() []string {
	var names []string
	for _, c := range capability.ListKnown() {
		if _, err := capability.GetBound(c); err == nil {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
}

// grantableCapabilities lists those of the bounding set of the host's systemd, which
// can be smaller than what the kernel knows: a host may itself be a container. It is
// nil when that cannot be read.
func grantableCapabilities(tree *hosttree.Tree) []string {
	status, err := tree.ReadFile("/proc/1/status")
	if err != nil {
		return nil
	}
	_, text, _ := strings.Cut(string(status), "\nCapBnd:")
	text, _, _ = strings.Cut(text, "\n")
	set, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
	if err != nil {
		return nil
	}
	var names []string
	for _, c := range capability.ListKnown() {
		if set&(1<<c) != 0 {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
}

// maxFiles is how many files a process may have open on this host at most, 0 when that
// cannot be read.
func maxFiles(tree *hosttree.Tree) uint64 {
	text, err := tree.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// bootID tells this boot of the machine from others; "" where the host does not run.
func bootID(tree *hosttree.Tree, units units) string {
	if _, runs := units.(*sysd.Manager); !runs {
		return ""
	}
	text, err := tree.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// isTerminal reports whether people are watching w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
