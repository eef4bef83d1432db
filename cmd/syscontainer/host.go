package main

import (
	"io"
	"os"
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/unitgen/sysd"
)

// inspectHost looks at what the machine can do. Of a host that does not run
// nothing is known, and its launcher will look when it boots.
func inspectHost(tree *hosttree.Tree, units units) install.Host {
	_, runs := units.(*sysd.Manager)
	return install.Host{
		UID:          os.Getuid(),
		GID:          os.Getgid(),
		Unified:      !runs || isUnified(tree),
		Capabilities: kernelCapabilities(),
	}
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
// of their numbers. It asks the kernel and not /proc, which a chroot may lack.
func kernelCapabilities() []string {
	var names []string
	for _, c := range capability.ListKnown() {
		if _, err := capability.GetBound(c); err == nil {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
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
