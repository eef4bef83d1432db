package imagestore_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// long tells that the loops that take their time were asked for.
func long() bool { return os.Getenv("SYSCONTAINER_TEST_LONG") != "" }

// run runs a program that must succeed.
func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput() // also during clean-up, without the test's context
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// oracle compares what a checkout of ours shows with what umoci unpacks.
//
// Rules, where both differ by design:
//   - devices, fifos and sockets are skipped by us (the runtime makes /dev);
//   - times are not compared (ostree keeps none), nor which files are one inode;
//   - what umoci refuses we must refuse, and the reverse.
type oracle struct {
	store            *imagestore.Store
	dir, repo        string
	accepted, denied atomic.Int64
}

func newOracle(t testing.TB, dir string) *oracle {
	t.Helper()
	policy := filepath.Join(dir, "policy.json")
	writeFile(t, policy, []byte(acceptAll))
	repo := filepath.Join(dir, "repo")
	return &oracle{dir: dir, repo: repo, store: imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: dir})}
}

// unpacked is what became of an image: a tree, or why there is none.
type unpacked struct {
	tree tree
	err  error
}

func (o *oracle) ours(t testing.TB, ref string) unpacked {
	img, err := o.store.Pull(t.Context(), ref)
	if err != nil {
		return unpacked{err: err}
	}
	dir := filepath.Join(o.dir, "ours-"+filepath.Base(t.TempDir())+"-"+img.Commit)
	defer os.RemoveAll(dir)
	if err := o.store.Checkout(t.Context(), img.Commit, dir); err != nil {
		return unpacked{err: err}
	}
	return unpacked{tree: treeOf(t, dir)}
}

func (o *oracle) umoci(t testing.TB, ref string) unpacked {
	dir, err := os.MkdirTemp(o.dir, "umoci-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	rootfs := filepath.Join(dir, "rootfs")
	out, err := exec.CommandContext(t.Context(), "umoci", "raw", "unpack", "--image", strings.TrimPrefix(ref, "oci:"), rootfs).CombinedOutput()
	if err != nil {
		return unpacked{err: fmt.Errorf("%w: %s", err, out)}
	}
	return unpacked{tree: treeOf(t, rootfs)}
}

// disagreement is how the two differ about an image; "" when they do not.
func (o *oracle) disagreement(t testing.TB, ref string) string {
	ours, theirs := o.ours(t, ref), o.umoci(t, ref)
	switch {
	case ours.err != nil && theirs.err != nil:
		o.denied.Add(1)
		if !errors.Is(ours.err, imagestore.ErrBadImage) {
			return "the error should say that the image is bad: " + ours.err.Error()
		}
		return ""
	case ours.err != nil:
		return "umoci unpacks it, we do not: " + ours.err.Error()
	case theirs.err != nil:
		return "we unpack it, umoci does not: " + theirs.err.Error()
	}
	o.accepted.Add(1)
	return strings.Join(differences(ours.tree, theirs.tree), "\n")
}

// check compares one stack, and returns what is wrong with it. Then it makes
// the image once more of what the repo keeps of its layers, and once more on top
// of an image of its lower layers.
func (o *oracle) check(t testing.TB, s stack) string {
	l := newLayoutIn(t, o.dir)
	defer os.RemoveAll(l.dir)
	layers := s.layers(t)
	first := l.tag(t, "latest", l.manifest(t, runtime.GOARCH, layers...))
	if text := o.disagreement(t, first); text != "" {
		return text
	}
	fresh, stored := o.ours(t, first), o.ours(t, l.tag(t, "again", l.manifest(t, "", layers...)))
	if (fresh.err == nil) != (stored.err == nil) {
		return fmt.Sprintf("at first %v, from stored layers %v", fresh.err, stored.err)
	}
	if lines := differences(stored.tree, fresh.tree); lines != nil {
		return "from stored layers:\n" + strings.Join(lines, "\n")
	}
	if len(layers) < 2 || fresh.err != nil {
		return ""
	}
	if _, err := o.store.Pull(t.Context(), l.tag(t, "lower", l.manifest(t, "", layers[:len(layers)-1]...))); err != nil {
		return "its lower layers: " + err.Error()
	}
	upon := o.ours(t, l.tag(t, "upon", l.configured(t, imgspec.Image{Author: "another"}, layers...)))
	if upon.err != nil {
		return "on its lower layers: " + upon.err.Error()
	}
	if lines := differences(upon.tree, fresh.tree); lines != nil {
		return "on its lower layers:\n" + strings.Join(lines, "\n")
	}
	return ""
}

// shrink drops what a disagreement does not need.
func (o *oracle) shrink(t testing.TB, s stack) stack {
	for s.smaller(func(less stack) bool {
		if o.check(t, less) == "" {
			return false
		}
		s = less
		return true
	}) {
	}
	return s
}

// TestOracle compares generated stacks of layers. SYSCONTAINER_TEST_SEED repeats
// what a failure names.
func TestOracle(t *testing.T) {
	count := uint64(200)
	if long() {
		count = 5000
	}
	first := rand.Uint64() >> 20
	if text := os.Getenv("SYSCONTAINER_TEST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, count = seed, 1
	}
	o := newOracle(t, scratchFS(t, cmp.Or(int64(count/4), 64)+512))
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < count && !t.Failed(); n = next.Add(1) - 1 {
				s := generate(first + n)
				if o.check(t, s) != "" {
					s = o.shrink(t, s)
					t.Errorf("SYSCONTAINER_TEST_SEED=%d\n%s%s", first+n, s, o.check(t, s))
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d stacks were unpacked by both, %d refused by both", o.accepted.Load(), o.denied.Load())
	if accepted := uint64(o.accepted.Load()); accepted < count/2 && !t.Failed() {
		t.Errorf("only %d of %d stacks could be unpacked: that proves little", accepted, count)
	}
	fsck(t, o.repo)
}
