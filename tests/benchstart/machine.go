package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// bench is the machine on which everything is measured.
type bench struct {
	lab  *host.Lab
	host *host.Host
	many int // containers where there are many
}

// settings make the machine's limits nobody's: systemd starts a unit as often as it is asked to, and podman does not
// ask for a controller that the machine does not have.
func settings() ociimage.Files {
	return ociimage.Files{
		"etc/systemd/system.conf.d/bench.conf": "[Manager]\nDefaultStartLimitIntervalSec=0\n",
		"etc/containers/containers.conf":       "[containers]\npids_limit = 0\n",
	}
}

// open boots the machine. Close the bench.
func open(ctx context.Context, suite string, many int) (*bench, error) {
	lab, err := host.Open(ctx, ".cache", host.Suite(suite), "podman", "systemd-container", "runc", "crun")
	if err != nil {
		return nil, err
	}
	b := &bench{lab: lab, many: many}
	if err := b.boot(ctx); err != nil {
		return nil, errors.Join(err, lab.Close())
	}
	return b, nil
}

// Close removes the machine.
func (b *bench) Close() error { return errors.Join(b.host.Close(), b.lab.Close()) }

func (b *bench) boot(ctx context.Context) error {
	product, err := b.lab.Install(ctx, ".")
	if err != nil {
		return err
	}
	registry, err := b.registry(ctx)
	if err != nil {
		return err
	}
	own, err := b.lab.TempDir()
	if err != nil {
		return err
	}
	if err := writeFiles(own, settings()); err != nil {
		return err
	}
	mounts, err := b.mounts()
	if err != nil {
		return err
	}
	b.host, err = b.lab.Boot(ctx, host.Options{
		Layers: []string{product, registry, own}, Mounts: mounts, Patience: 10 * time.Minute,
	})
	return err
}

// registry has an image with the program and the unit for it, and nothing else.
func (b *bench) registry(ctx context.Context) (string, error) {
	dir, err := b.lab.TempDir()
	if err != nil {
		return "", err
	}
	app := filepath.Join(dir, "app")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", app, "./tests/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	text, err := os.ReadFile(app)
	if err != nil {
		return "", err
	}
	layout := filepath.Join(dir, "layout")
	config := imgspec.ImageConfig{Entrypoint: []string{"/bin/app", "serve"}}
	contents := ociimage.Files{"bin/app": string(text), "exports/service.template": service("$EXEC_START") + "[Install]\nWantedBy=multi-user.target\n"}
	if err := ociimage.Write(layout, config, contents); err != nil {
		return "", err
	}
	return b.lab.Registry(ctx, map[string]host.Image{"app:latest": {Layout: layout, Tag: "latest"}})
}

// mounts are what the machine sees of this one: this program, and a disk of ordinary kind below what containers are
// made of, since an overlay cannot be.
func (b *bench) mounts() (map[string]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	mounts := map[string]string{"/benchstart": self}
	for _, place := range []string{"/var/lib/syscontainer", "/var/lib/containers", scratch} {
		if mounts[place], err = b.lab.TempDir(); err != nil {
			return nil, err
		}
	}
	return mounts, nil
}

func writeFiles(dir string, files ociimage.Files) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// script runs shell script inside the machine.
func (b *bench) script(ctx context.Context, text string) (string, error) {
	return b.host.Output(ctx, "sh", "-ec", text)
}

// results are all that was measured.
type results struct {
	about  string
	starts map[string]*starts
	many   many
}

func (b *bench) measure(ctx context.Context, rounds int) (results, error) {
	var r results
	var err error
	if r.about, err = b.script(ctx, "systemctl --version | head -n 1; podman --version; crun --version | head -n 1; runc --version | head -n 1; uname -r"); err != nil {
		return r, err
	}
	for _, c := range contenders() {
		if _, err := b.script(ctx, c.setUp); err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if _, err := b.script(ctx, "systemctl daemon-reload"); err != nil {
		return r, err
	}
	if err := b.inside(ctx, &r.starts, "starts", rounds); err != nil {
		return r, err
	}
	r.many, err = b.measureMany(ctx, rounds)
	return r, err
}

// inside runs a command of this program in the machine.
func (b *bench) inside(ctx context.Context, result any, command string, rounds int) error {
	text, err := b.host.Output(ctx, "/benchstart", command, strconv.Itoa(rounds))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), result)
}
