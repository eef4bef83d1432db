package vm_test

import (
	"cmp"
	"context"
	"errors"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/ociimage"
	"github.com/syscontainer/syscontainer/tests/testbed"
	"github.com/syscontainer/syscontainer/tests/vm"
)

var (
	bed   *testbed.Bed
	image vm.Image
)

func TestMain(m *testing.M) {
	suite := cmp.Or(host.Suite(os.Getenv("SYSCONTAINER_TEST_SUITE")), host.Bookworm)
	ctx := context.Background()
	var err error
	if bed, err = testbed.Open(ctx, suite, vm.Packages...); err != nil {
		log.Fatal(err)
	}
	if image, err = makeImage(ctx); err != nil {
		log.Fatal(errors.Join(err, bed.Close()))
	}
	code := m.Run()
	if err := bed.Close(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// greedyLayout is where machines have the image of greedy.
const greedyLayout = "/srv/greedy"

// makeImage makes what machines boot from: the product, a registry with two versions of etcd, and another image.
func makeImage(ctx context.Context) (vm.Image, error) {
	dir, err := bed.Lab.TempDir()
	if err != nil {
		return vm.Image{}, err
	}
	etcd := bed.Image("etcd")
	served := map[string]host.Image{"etcd:latest": etcd}
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
	return vm.NewImage(ctx, bed.Lab, "../..", bed.Product, registry, layer)
}

// machine is a virtual machine of one test. Its methods stop the test when they fail.
type machine struct {
	*vm.Machine
	t *testing.T
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := bed.Lab.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("the seed of what cuts lose is %d", seed)
	v, err := vm.New(image, dir, seed)
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
	return &machine{v, t}
}

func (m *machine) boot() {
	m.t.Helper()
	begin := time.Now()
	if err := m.Boot(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("booted in %.1f s", time.Since(begin).Seconds())
}

// command is the time that a command has.
func (m *machine) command() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(m.t.Context(), 5*time.Minute, errors.New("not done within five minutes"))
}

// must runs a command that has to succeed, and returns its standard output without the last newline.
func (m *machine) must(argv ...string) string {
	m.t.Helper()
	ctx, cancel := m.command()
	defer cancel()
	out, err := m.Output(ctx, argv...)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// try runs a command and returns how it ended.
func (m *machine) try(argv ...string) host.Result {
	m.t.Helper()
	ctx, cancel := m.command()
	defer cancel()
	result, err := m.Run(ctx, argv...)
	if err != nil {
		m.t.Fatal(err)
	}
	return result
}

// eventually repeats a command until it succeeds.
func (m *machine) eventually(argv ...string) {
	m.t.Helper()
	for range 60 {
		if m.try(argv...).Code == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	m.must(argv...)
}

// property is what systemd says of a unit.
func (m *machine) property(unit, name string) string {
	m.t.Helper()
	return m.must("systemctl", "show", "--property="+name, "--value", unit)
}

func (m *machine) same(what, got, want string) {
	m.t.Helper()
	if got != want {
		m.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (m *machine) has(what, text string, words ...string) {
	m.t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			m.t.Errorf("%s should have %q:\n%s", what, word, text)
		}
	}
}
