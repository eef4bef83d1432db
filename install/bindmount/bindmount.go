// Package bindmount makes directories visible elsewhere, read-only. It is the one
// place that asks the kernel to mount, and knows nothing of images or containers.
package bindmount

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// System is the mount table of this process.
type System struct{}

// Bind shows the directory source at the directory target: read-only, without
// devices, and with setuid programs that are none. There is no moment at which it
// is there and can be written to.
func (System) Bind(source, target string) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return explain("open_tree", source, err)
	}
	defer unix.Close(tree)
	attr := &unix.MountAttr{
		Attr_set:    unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV,
		Propagation: unix.MS_PRIVATE,
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, attr); err != nil {
		return explain("mount_setattr", target, err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return explain("move_mount", target, err)
	}
	return nil
}

// Unmount ends the mount at target. One that is in use stays, with an error.
func (System) Unmount(target string) error {
	if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); err != nil {
		return explain("umount", target, err)
	}
	return nil
}

func explain(call, path string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%s: the kernel is older than 5.12, or a container's filter keeps it from mounting: %w", path, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: mounting is not permitted here: %w", path, err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s is in use: %w", path, err)
	}
	return &os.PathError{Op: call, Path: path, Err: err}
}

// Mounted lists the directories on which something is mounted.
func (System) Mounted() ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	return parse(string(text)), nil
}

// parse takes the fifth field of each line, see proc(5).
func parse(mountinfo string) []string {
	var list []string
	for line := range strings.Lines(mountinfo) {
		if fields := strings.Fields(line); len(fields) > 4 {
			list = append(list, unescape.Replace(fields[4]))
		}
	}
	return list
}

// unescape undoes what the kernel does to characters that would end a field.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
