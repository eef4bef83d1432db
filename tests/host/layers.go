package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Install returns a layer with what `make install` in the folder module installs.
func (l *Lab) Install(ctx context.Context, module string) (string, error) {
	dir, err := l.TempDir()
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "--silent", "install", "DESTDIR="+dir, "PREFIX=/usr")
	cmd.Dir = module
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "MAKE") && !strings.HasPrefix(variable, "MFLAGS=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make install: %w\n%s", err, out)
	}
	return dir, nil
}

// registryReady has the boot of a machine wait until its registry answers: systemd takes the registry for started when it
// has been executed.
const registryReady = `[Service]
ExecStartPost=/bin/bash -c 'for n in {1..1000}; do (exec 3<>/dev/tcp/localhost/5000) && break; sleep 0.01; done 2>/dev/null'
`

// Registry returns a layer that makes the host's own registry, localhost:5000, serve images. The keys are names there
// with a tag, such as "etcd:latest", the values the images.
func (l *Lab) Registry(ctx context.Context, images map[string]Image) (string, error) {
	key := sha256.New()
	fmt.Fprint(key, registryReady)
	names := slices.Sorted(maps.Keys(images))
	for _, name := range names {
		index, err := os.ReadFile(filepath.Join(images[name].Layout, "index.json"))
		if err != nil {
			return "", fmt.Errorf("reading image %q: %w", name, err)
		}
		fmt.Fprintf(key, "%s %s %d %s", name, images[name].Tag, len(index), index)
	}
	return l.Build("registry", fmt.Sprintf("%.12x", key.Sum(nil)), func(dir string) error {
		storage, dropins := filepath.Join(dir, "var/lib/docker-registry"), filepath.Join(dir, "etc/systemd/system/docker-registry.service.d")
		for _, made := range []string{storage, dropins} {
			if err := os.MkdirAll(made, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dropins, "ready.conf"), []byte(registryReady), 0o644); err != nil {
			return err
		}
		return l.serve(ctx, storage, func(address string) error {
			for _, name := range names {
				image := "oci:" + images[name].Layout + ":" + images[name].Tag
				err := run(ctx, "skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
					image, "docker://"+address+"/"+name)
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Image is an image in an OCI layout on this machine.
type Image struct {
	Layout string // the folder
	Tag    string
}

// Push puts an image into the registry of a running machine.
func (h *Host) Push(ctx context.Context, image Image, name string) error {
	argv := []string{
		"skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
		"oci:" + image.Layout + ":" + image.Tag, "docker://localhost:5000/" + name,
	}
	result, err := h.RunInNetwork(ctx, argv...)
	_, err = result.must(argv, err)
	return err
}

// serve calls use with the address of a registry that keeps its images in storage, and ends it.
func (l *Lab) serve(ctx context.Context, storage string, use func(address string) error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	config := filepath.Join(filepath.Dir(storage), "registry.yml")
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", storage, address)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	defer os.Remove(config)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	registry := exec.CommandContext(ctx, filepath.Join(l.tree, "usr/bin/docker-registry"), "serve", config)
	if err := registry.Start(); err != nil {
		return err
	}
	err = awaitPort(ctx, address)
	if err == nil {
		err = use(address)
	}
	cancel()
	_ = registry.Wait() // ended by us
	return err
}

func awaitPort(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("not within 20 seconds"))
	defer cancel()
	return until(ctx, "the registry listens on "+address, func() (bool, error) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return false, nil
		}
		return true, connection.Close()
	})
}
