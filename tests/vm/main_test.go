package vm_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
	"github.com/syscontainer/syscontainer/tests/testbed"
	"github.com/syscontainer/syscontainer/tests/vm"
)

var (
	bed   *testbed.Bed
	image = sync.OnceValues(func() (vm.Image, error) { return makeImage(context.Background()) })
)

func TestMain(m *testing.M) { hosttest.Main(m, &bed, vm.Packages...) }

// greedyLayout is where machines have the image of greedy.
const greedyLayout = "/srv/greedy"

// makeImage makes what machines boot from: the product, a registry with two versions of etcd, another image, and Docker
// as a system container that is not enabled.
func makeImage(ctx context.Context) (vm.Image, error) {
	dir, err := bed.Lab.TempDir()
	if err != nil {
		return vm.Image{}, err
	}
	etcd := bed.Image("etcd")
	served := map[string]host.Image{"etcd:latest": etcd, "busybox:latest": bed.Busybox}
	for _, name := range []string{"first", "next"} {
		layout := filepath.Join(dir, name)
		if err := ociimage.Extend(layout, etcd.Layout, etcd.Tag, version(name)); err != nil {
			return vm.Image{}, err
		}
		served["etcd:"+name] = host.Image{Layout: layout, Tag: "latest"}
	}
	registry, err := bed.Lab.Registry(ctx, served)
	if err != nil {
		return vm.Image{}, err
	}
	layer := filepath.Join(dir, "layer")
	if err := ociimage.Write(filepath.Join(layer, greedyLayout), imgspec.ImageConfig{}, greedy()); err != nil {
		return vm.Image{}, err
	}
	return vm.NewImage(ctx, bed.Lab, "../..", installDocker(ctx), bed.Product, registry, layer)
}

// installDocker installs Docker into a tree, as whoever builds an image of a host does.
func installDocker(ctx context.Context) func(root string) error {
	docker := bed.Image("docker")
	program := filepath.Join(bed.Product, "usr/bin/syscontainer")
	return func(root string) error {
		out, err := exec.CommandContext(ctx, program, "--root="+root, "install", "--system", "--no-enable", "--name=docker",
			"oci:"+docker.Layout+":"+docker.Tag).CombinedOutput()
		if err != nil {
			return fmt.Errorf("installing Docker: %w\n%s", err, out)
		}
		return nil
	}
}

// machine is a virtual machine of one test.
type machine struct {
	*vm.Machine
	hosttest.Commands
	t *testing.T
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	disk, err := image()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := bed.Lab.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("the seed of what cuts lose is %d", seed)
	v, err := vm.New(disk, dir, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the console:\n%s", v.Console())
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return &machine{v, hosttest.On(t, v, 5*time.Minute), t}
}

func (m *machine) boot() {
	m.t.Helper()
	begin := time.Now()
	if err := m.Boot(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("booted in %.1f s", time.Since(begin).Seconds())
}
