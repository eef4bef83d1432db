package main

import (
	"fmt"
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
func inspectHost(tree *hosttree.Tree, units units) (install.Host, error) {
	_, runs := units.(*sysd.Manager)
	capabilities, err := kernelCapabilities()
	return install.Host{
		UID:          os.Getuid(),
		GID:          os.Getgid(),
		Unified:      !runs || isUnified(tree),
		Capabilities: capabilities,
	}, err
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
func kernelCapabilities() ([]string, error) {
	known, err := capability.ListSupported()
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for its capabilities: %w", err)
	}
	names := make([]string, len(known))
	for i, c := range known {
		names[i] = "CAP_" + strings.ToUpper(c.String())
	}
	return names, nil
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
