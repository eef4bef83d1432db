package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/syscontainer/syscontainer/tests/host"
)

// Packages are what a machine of Debian needs beside what a host of package host has.
var Packages = []string{"linux-image-cloud-amd64"}

// Image is what machines boot from; none of them writes to it.
type Image struct {
	Kernel, Initrd string
	Disk           string // the whole file system of the machine
}

// diskSize is what a machine sees; on this machine only what is in use takes space.
const diskSize = "4G"

// agentUnit starts the agent as early as it can run commands.
const agentUnit = `[Unit]
Description=Agent of the machine around this one
# The port is there only when its driver is.
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/libexec/agent /dev/vport0p1
Restart=always
RestartSec=100ms
[Install]
WantedBy=multi-user.target
`

// NewImage makes an image of the lab's Debian with layers over it, and with what prepare does to that tree: what takes
// long does so with this machine's processor. The lab must have been opened with Packages.
func NewImage(ctx context.Context, lab *host.Lab, module string, prepare func(root string) error, layers ...string) (image Image, err error) {
	agent, err := agentLayer(ctx, lab, module)
	if err != nil {
		return Image{}, err
	}
	root, err := lab.Root(append(layers, agent)...)
	if err != nil {
		return Image{}, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := prepare(root.Dir); err != nil {
		return Image{}, err
	}
	dir, err := lab.TempDir()
	if err != nil {
		return Image{}, err
	}
	image = Image{Kernel: filepath.Join(dir, "vmlinuz"), Initrd: filepath.Join(dir, "initrd"), Disk: filepath.Join(dir, "disk")}
	for pattern, to := range map[string]string{"vmlinuz-*": image.Kernel, "initrd.img-*": image.Initrd} {
		if err := copyOne(filepath.Join(root.Dir, "boot", pattern), to); err != nil {
			return Image{}, err
		}
	}
	return image, command(ctx, "mke2fs", "-q", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", "-d", root.Dir, image.Disk, diskSize)
}

func agentLayer(ctx context.Context, lab *host.Lab, module string) (string, error) {
	dir, err := lab.TempDir()
	if err != nil {
		return "", err
	}
	units := filepath.Join(dir, "etc/systemd/system")
	wants := filepath.Join(units, "multi-user.target.wants")
	program := filepath.Join(dir, "usr/libexec/agent")
	err = errors.Join(os.Chmod(dir, 0o755), os.MkdirAll(wants, 0o755),
		os.WriteFile(filepath.Join(units, "agent.service"), []byte(agentUnit), 0o644),
		os.Symlink("../agent.service", filepath.Join(wants, "agent.service")))
	if err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./tests/vm/agent")
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the agent: %w\n%s", err, out)
	}
	return dir, nil
}

// copyOne copies the one file that matches.
func copyOne(pattern, to string) error {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("there are %d files %s", len(found), pattern)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func command(ctx context.Context, argv ...string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", argv[0], err, bytes.TrimSpace(out))
	}
	return nil
}
