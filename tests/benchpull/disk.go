package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// diskSize holds the largest image several times.
const diskSize = 12 << 30

// makeDisk mounts a new ext4 file system, on a file of its own, at dir/disk. The mount ends with the mount namespace of
// this process; see bench-pull in the Makefile. A file system of its own makes a sync write what the contender wrote
// and nothing else, and lets overlayfs work on top, which it does not on the machine's root.
func makeDisk(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "disk.img")
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	if err := errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, diskSize), f.Close()); err != nil {
		return "", fmt.Errorf("making a disk of %d bytes: %w", diskSize, err)
	}
	if _, err := output(ctx, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", file); err != nil {
		return "", err
	}
	// Without direct I/O everything would be in memory twice.
	loop, err := output(ctx, "losetup", "--find", "--show", "--direct-io=on", file)
	if err != nil {
		return "", err
	}
	mountPoint := filepath.Join(dir, "disk")
	err = os.Mkdir(mountPoint, 0o755)
	if err == nil {
		err = unix.Mount(loop, mountPoint, "ext4", 0, "")
	}
	_, detach := output(ctx, "losetup", "--detach", loop) // when it is no longer mounted
	return mountPoint, errors.Join(err, detach)
}

// removeDisk ends what makeDisk began.
func removeDisk(dir string) error {
	return errors.Join(unix.Unmount(filepath.Join(dir, "disk"), 0), os.Remove(filepath.Join(dir, "disk.img")))
}

func output(ctx context.Context, argv ...string) (string, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
