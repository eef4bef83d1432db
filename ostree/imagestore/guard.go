package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
)

// DefaultStallTimeout is how long a pull waits for the next byte of a registry.
const DefaultStallTimeout = time.Minute

// errStalled is the cause of a cancelled copy; ErrStalled is what callers see.
var errStalled = errors.New("stalled")

// guard watches one copy of an image from outside of copy.Image, which knows no
// timeouts: it ends a copy whose registry says nothing for too long, and looks at
// what the image is before any of its layers is fetched. It wraps the reference of
// the source and not the source, whose signatures would be lost.
type guard struct {
	limit time.Duration // 0 is for ever
	stop  context.CancelCauseFunc
	check func() error // once, before the first layer; set by sourceRef

	mu     sync.Mutex
	busy   int         // calls of ours under way, in which no byte is awaited
	idle   *time.Timer // runs while there is none
	failed error       // the first error of a read from the source
}

// newGuard guards a copy that goes by the returned context. Close it.
func newGuard(ctx context.Context, ref types.ImageReference, limit time.Duration) (context.Context, *guard) {
	ctx, stop := context.WithCancelCause(ctx)
	g := &guard{stop: stop, check: func() error { return nil }}
	if ref.Transport().Name() == docker.Transport.Name() {
		g.limit = limit // a file, or a daemon of this host, may take its time
	}
	return ctx, g
}

// expire ends the copy.
func (g *guard) expire() { g.stop(errStalled) }

// work says that the store itself is at work until done is called.
func (g *guard) work() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
	if g.idle != nil {
		g.idle.Stop()
	}
	return func() { g.rest(g.limit) }
}

// rest ends a work: when nobody works, the source has so long to say something.
func (g *guard) rest(limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy--; g.busy > 0 || g.limit == 0 {
		return
	}
	if g.idle == nil {
		g.idle = time.AfterFunc(limit, g.expire)
		return
	}
	g.idle.Reset(limit)
}

func (g *guard) close() {
	g.work() // for ever
	g.stop(nil)
}

// watch is r, of which every read must end within the limit.
func (g *guard) watch(r io.Reader) *watched { return &watched{guard: g, r: r} }

// watched is a blob on its way from the source.
type watched struct {
	guard *guard
	r     io.Reader
	timer *time.Timer
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	switch {
	case w.guard.limit == 0:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.guard.limit, w.guard.expire)
	default:
		w.timer.Reset(w.guard.limit)
	}
	n, err := w.r.Read(p)
	if w.timer != nil {
		w.timer.Stop()
	}
	if err != nil && err != io.EOF {
		w.guard.mu.Lock()
		defer w.guard.mu.Unlock()
		if w.guard.failed == nil {
			w.guard.failed = err
		}
	}
	return n, err
}

// explain finds what ended a copy that failed with err, and the error to return.
func (g *guard) explain(ctx context.Context, err error) (cause, shown error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(context.Cause(ctx), errStalled):
		err = fmt.Errorf("%w: not a byte came for %v", ErrStalled, g.limit)
	case g.failed != nil:
		return g.failed, err
	}
	return err, err
}

// sourceRef is a reference to copy from, under guard.
type sourceRef struct {
	types.ImageReference
	guard *guard
}

// NewImageSource implements types.ImageReference. It has the time for every mirror.
func (r *sourceRef) NewImageSource(ctx context.Context, sys *types.SystemContext) (types.ImageSource, error) {
	done := r.guard.work()
	r.guard.rest(r.guard.limit * time.Duration(2*endpoints(sys, r.DockerReference())))
	opened := endWaiting(ctx, r.ImageReference)
	source, err := r.ImageReference.NewImageSource(ctx, sys)
	opened()
	r.guard.work()
	done()
	if err != nil {
		return nil, orInterrupted(ctx, explainForm(r.ImageReference, err))
	}
	r.guard.check = sync.OnceValue(func() error { return checkSource(ctx, source) })
	return source, nil
}

// endpoints is how many registries may be asked for an image: it and its mirrors.
func endpoints(sys *types.SystemContext, name reference.Named) int {
	if name == nil {
		return 1
	}
	registry, err := sysregistriesv2.FindRegistry(sys, name.Name())
	if err != nil || registry == nil {
		return 1
	}
	return 1 + len(registry.Mirrors)
}

// guarded is a destination that tells its guard what it does.
type guarded struct {
	*destination
	guard *guard
}

// PutBlob implements types.ImageDestination.
func (d guarded) PutBlob(ctx context.Context, stream io.Reader, info types.BlobInfo, cache types.BlobInfoCache, isConfig bool) (types.BlobInfo, error) {
	defer d.guard.work()()
	if err := d.guard.checked(); err != nil { // reuse is not tried of what has to be converted
		return types.BlobInfo{}, err
	}
	return d.destination.PutBlob(ctx, d.guard.watch(stream), info, cache, isConfig)
}

// TryReusingBlob implements types.ImageDestination. It comes before any layer is
// fetched, and after the policy was asked.
func (d guarded) TryReusingBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache, substitute bool) (bool, types.BlobInfo, error) {
	defer d.guard.work()()
	if err := d.guard.checked(); err != nil {
		return false, types.BlobInfo{}, err
	}
	if err := checkLayer(info); err != nil {
		return false, types.BlobInfo{}, err
	}
	return d.destination.TryReusingBlob(ctx, info, cache, substitute)
}

// checked is what is wrong with the source. It asks the source, which may stall.
func (g *guard) checked() error {
	g.rest(g.limit)
	err := g.check()
	g.work()
	return err
}

// PutManifest implements types.ImageDestination.
func (d guarded) PutManifest(ctx context.Context, m []byte, instance *digest.Digest) error {
	defer d.guard.work()()
	return d.destination.PutManifest(ctx, m, instance)
}

// Commit implements types.ImageDestination.
func (d guarded) Commit(ctx context.Context, top types.UnparsedImage) error {
	defer d.guard.work()()
	return d.destination.Commit(ctx, top)
}
