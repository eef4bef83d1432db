// Command docker-start makes the control group that Docker needs, gives Docker what flannel and the control group say,
// and becomes the program that its arguments name.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const cgroups = "/sys/fs/cgroup"

// A process in which another thread than the first calls exec is a zombie for a moment, and
// systemd, which is told its number about then, would take it for dead.
func init() { runtime.LockOSThread() }

func main() {
	log.SetFlags(0) // the journal knows when
	log.SetPrefix("docker-start: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: docker-start PROGRAM [OPTION...]")
	}
	args, err := prepare(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("running %s", strings.Join(args, " "))
	if err := syscall.Exec(args[0], args, os.Environ()); err != nil {
		log.Fatalf("running %s: %v", args[0], err)
	}
}

// prepare returns the whole command line, with this process where Docker is to be.
func prepare(argv []string) ([]string, error) {
	subnet, err := readIfThere(os.Getenv("DOCKER_SUBNET_FILE"))
	if err != nil {
		return nil, err
	}
	settings, err := readIfThere("/etc/docker/daemon.json")
	if err != nil {
		return nil, err
	}
	unit, err := ownUnit()
	if err != nil {
		return nil, err
	}
	args, err := commandLine(argv, facts{subnet: subnet, settings: settings, unit: unit})
	if err != nil {
		return nil, err
	}
	return args, leaveContainer(unit)
}

// readIfThere returns nothing for a file that does not exist, or has no name.
func readIfThere(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if name == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// ownUnit returns the control group of the unit: the one above that which is this container's.
func ownUnit() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if own, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			return filepath.Dir(own), nil
		}
	}
	return "", errors.New("this process is in no control group of cgroup v2")
}

// leaveContainer moves this process into a control group beside that of the container. Whatever is left in the
// container's own, the OCI runtime kills when Docker has ended: the shims of the containers that are to live on.
func leaveContainer(unit string) error {
	engine := filepath.Join(cgroups, unit, "engine")
	if err := os.Mkdir(engine, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making Docker's control group: %w", err)
	}
	pid := strconv.Itoa(os.Getpid())
	if err := os.WriteFile(filepath.Join(engine, "cgroup.procs"), []byte(pid), 0); err != nil {
		return fmt.Errorf("entering Docker's control group: %w", err)
	}
	return nil
}
