package host

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Every machine gets a cgroup of its own: nspawn puts what it starts beside itself, so two machines in one cgroup
// would share their PID 1's tree.

// cgroupDir returns the folder of the cgroup called name, wherever this machine has the cgroup2 hierarchy.
func cgroupDir(name string) (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		mount, source, found := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(mount); found && strings.HasPrefix(source, "cgroup2 ") && len(fields) > 4 {
			return filepath.Join(fields[4], name), nil
		}
	}
	return "", errors.Join(errors.New("no cgroup2 hierarchy is mounted on this machine"), lines.Err())
}

// makeCgroup returns the open folder of a new cgroup, to start a process in.
func makeCgroup(name string) (*os.File, error) {
	dir, err := cgroupDir(name)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.Open(dir)
}

// removeCgroup kills what runs in the cgroup and removes it. It is fine when there is none.
func removeCgroup(name string) error {
	dir, err := cgroupDir(name)
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("killing what runs in %s: %w", dir, err)
	}
	// What was killed takes a moment to be gone.
	for range 1000 {
		if err = removeTree(dir); !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("removing %s: %w", dir, err)
}

// removeTree removes the cgroups at and below dir.
func removeTree(dir string) error {
	below, err := os.ReadDir(dir)
	if err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	for _, entry := range below {
		if !entry.IsDir() {
			continue
		}
		if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return unix.Rmdir(dir)
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
