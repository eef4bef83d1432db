package imagestore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
)

// arrivals are the layers of a pull that are not part of the repo yet, each in a
// transaction of its own. One that is complete becomes part of the repo while the
// others go on, so that it need not be fetched again whatever ends the pull.
//
// Layers that are complete at about the same time share the syncs that this costs;
// rounds have a distance, and a pull that is shorter than it has a single one.
type arrivals struct {
	repo *ostree.Repo
	tick *time.Ticker
	stop context.CancelFunc
	done chan struct{} // closed when there are no more rounds

	mu    sync.Mutex
	under map[*arrival]bool // not complete
	ready []*arrival
	own   []string // refs that were not there before, of layers that are in the repo
	err   error    // of a round
}

// roundDistance is how often complete layers become part of the repo; what a kill
// or a power cut costs beyond layers that were not complete.
const roundDistance = 300 * time.Millisecond

// arrival is one layer.
type arrival struct {
	txn *ostree.Txn
	own []string // refs that are new
}

func newArrivals(ctx context.Context, repo *ostree.Repo) *arrivals {
	ctx, stop := context.WithCancel(ctx)
	a := &arrivals{
		repo: repo, tick: time.NewTicker(roundDistance), stop: stop,
		done: make(chan struct{}), under: make(map[*arrival]bool),
	}
	go func() {
		defer close(a.done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.tick.C:
				a.round(ctx)
			}
		}
	}()
	return a
}

// begin opens a transaction for a layer.
func (a *arrivals) begin(ctx context.Context) (*arrival, error) {
	if err := a.failed(); err != nil {
		return nil, err
	}
	txn, err := a.repo.Begin(ctx)
	if err != nil {
		return nil, err
	}
	l := &arrival{txn: txn}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.under[l] = true
	return l, nil
}

// drop throws a layer away that did not become complete: what it takes on the disk
// would be missing when it is tried again.
func (a *arrivals) drop(at *arrival) error {
	a.mu.Lock()
	delete(a.under, at)
	a.mu.Unlock()
	return at.txn.Abort()
}

// complete hands a layer over. Its blob was verified.
func (a *arrivals) complete(at *arrival, l layer, blob digest.Digest) error {
	for _, ref := range []string{digestRef(layerPrefix, l.diffID), digestRef(blobPrefix, blob)} {
		_, found, err := refOrNone(a.repo, ref)
		if err != nil {
			return err
		}
		if !found {
			at.own = append(at.own, ref)
		}
		at.txn.SetRef(ref, l.commit)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.under, at)
	a.ready = append(a.ready, at)
	return nil
}

// round makes the layers that are complete part of the repo. If the rounds are to end
// before it is half done, they are left for who ends them.
func (a *arrivals) round(ctx context.Context) {
	ready := a.take()
	whole := context.WithoutCancel(ctx) // what has begun ends soon
	err := ostree.PrepareAll(whole, txns(ready)...)
	if err == nil && ctx.Err() != nil {
		a.giveBack(ready)
		return
	}
	a.commit(whole, ready)
}

// commit makes layers part of the repo.
func (a *arrivals) commit(ctx context.Context, ready []*arrival) {
	err := commitTogether(ctx, ready)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = errors.Join(a.err, err)
	for _, l := range ready {
		a.own = append(a.own, l.own...)
	}
}

func txns(ready []*arrival) (list []*ostree.Txn) {
	for _, l := range ready {
		list = append(list, l.txn)
	}
	return list
}

// commitTogether commits layers, and an image if there is one, and ends the layers.
func commitTogether(ctx context.Context, ready []*arrival, image ...*ostree.Txn) error {
	err := ostree.CommitAll(ctx, append(txns(ready), image...)...)
	for _, l := range ready {
		err = errors.Join(err, l.txn.Abort())
	}
	return err
}

// take takes the layers that are complete.
func (a *arrivals) take() []*arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	ready := a.ready
	a.ready = nil
	return ready
}

func (a *arrivals) failed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// settle ends the rounds. The layers that take returns then are the last.
func (a *arrivals) settle() error {
	a.tick.Stop()
	a.stop()
	<-a.done
	return a.failed()
}

// prepare is settle, and makes the content of the last layers durable.
func (a *arrivals) prepare(ctx context.Context) error {
	if err := a.settle(); err != nil {
		return err
	}
	last := a.take()
	defer a.giveBack(last)
	return ostree.PrepareAll(ctx, txns(last)...)
}

// giveBack undoes take.
func (a *arrivals) giveBack(ready []*arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = append(a.ready, ready...)
}

// finish ends the pull's part here: layers that are complete become part of the
// repo if they may be of use, the others are thrown away.
func (a *arrivals) finish(ctx context.Context, rest fate) error {
	errs := []error{a.settle()}
	if rest == keepLayers {
		a.commit(ctx, a.take())
	}
	for _, l := range a.take() {
		errs = append(errs, l.txn.Abort())
	}
	for l := range a.under {
		errs = append(errs, l.txn.Abort())
	}
	return errors.Join(errs...)
}
