package ostree

import (
	"sync"
	"sync/atomic"
)

// writebackEvery is how many bytes are written before the disk is set to work.
const writebackEvery = 48 << 20

// writeback keeps the disk busy while transactions are being written. The kernel
// would collect up to a tenth of the memory first, and all of that would have to
// be waited for at the end.
type writeback struct {
	sync    func() error
	written atomic.Int64
	running atomic.Bool
	group   sync.WaitGroup
}

// wrote counts bytes, and has them written when there are enough.
func (w *writeback) wrote(n int64) {
	if w.written.Add(n) < writebackEvery || !w.running.CompareAndSwap(false, true) {
		return
	}
	w.written.Store(0)
	w.group.Go(func() {
		defer w.running.Store(false)
		_ = w.sync() // the next one fails, too
	})
}

// wait waits for the disk.
func (w *writeback) wait() { w.group.Wait() }
