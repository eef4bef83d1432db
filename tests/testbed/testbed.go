// Package testbed puts the product and the images that we ship onto test hosts: what make install installs, and a
// registry on loopback that serves what make images built.
package testbed

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// Bed is a lab with the product in it.
type Bed struct {
	Lab     *host.Lab
	Product string // layer: what make install installs
	Images  string // layer: the host's registry with our images

	// Busybox is an image for a container runtime to run: one program that is many.
	Busybox host.Image

	module string
}

// Open prepares a bed for the repository that the working directory belongs to. Its machines have more packages of
// Debian if more names them. Close it.
func Open(ctx context.Context, suite host.Suite, more ...string) (*Bed, error) {
	module, err := repository()
	if err != nil {
		return nil, err
	}
	lab, err := host.Open(ctx, filepath.Join(module, ".cache"), suite, more...)
	if err != nil {
		return nil, err
	}
	b := &Bed{Lab: lab, module: module}
	if err := b.fill(ctx); err != nil {
		return nil, errors.Join(err, lab.Close())
	}
	return b, nil
}

// Close removes what the bed's machines wrote. They must be closed before.
func (b *Bed) Close() error { return b.Lab.Close() }

// Machine is the host that the product is made for: the product, a registry, nothing installed.
func (b *Bed) Machine() host.Options {
	return host.Options{Layers: []string{b.Product, b.Images}}
}

// Image is one of ours, as make images left it.
func (b *Bed) Image(name string) host.Image {
	return host.Image{Layout: filepath.Join(b.module, ".cache/images", name), Tag: "latest"}
}

func (b *Bed) fill(ctx context.Context) (err error) {
	if b.Product, err = b.Lab.Install(ctx, b.module); err != nil {
		return err
	}
	if b.Busybox, err = b.busybox(); err != nil {
		return err
	}
	b.Images, err = b.Lab.Registry(ctx, map[string]host.Image{
		"etcd:latest":    b.Image("etcd"),
		"etcd:3.6":       b.Image("etcd"),
		"flannel:latest": b.Image("flannel"),
		"docker:latest":  b.Image("docker"),
		"busybox:latest": b.Busybox,
	})
	return err
}

func (b *Bed) busybox() (host.Image, error) {
	layout, err := b.Lab.TempDir()
	if err != nil {
		return host.Image{}, err
	}
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return host.Image{}, err
	}
	config := imgspec.ImageConfig{Entrypoint: []string{"/bin/busybox"}, Cmd: []string{"sh"}}
	return host.Image{Layout: layout, Tag: "latest"}, ociimage.Write(layout, config, ociimage.Files{"bin/busybox": string(program)})
}

// repository is the folder with the go.mod above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is not in the repository")
		}
	}
}
