package layers

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

const (
	// smallFile is the largest content that is read into memory and handed to a
	// worker; a larger one is streamed by the goroutine that reads its layer.
	smallFile = 1 << 20
	// inFlight bounds the memory of contents that wait for a worker.
	inFlight = 24 << 20
	// streamBuffer is the size of a write of a large file.
	streamBuffer = 1 << 20
)

// Workers are the workers that write small files, shared by the layers of a pull.
type Workers struct {
	jobs    chan func()
	done    sync.WaitGroup
	buffers sync.Pool
	encoder func() (*zstd.Encoder, error) // of records

	mu   sync.Mutex
	free *sync.Cond
	used int // bytes of contents under way
}

// NewWorkers starts the workers. The caller stops them with Close.
func NewWorkers(workers int) *Workers {
	p := &Workers{jobs: make(chan func(), 4*workers), encoder: recordEncoder()}
	p.free = sync.NewCond(&p.mu)
	for range workers {
		p.done.Go(func() {
			for job := range p.jobs {
				job()
			}
		})
	}
	return p
}

// Close waits for the workers; no batch may be in use any more.
func (p *Workers) Close() {
	close(p.jobs)
	p.done.Wait()
}

// acquire waits until n bytes more may be held.
func (p *Workers) acquire(n int) []byte {
	p.mu.Lock()
	for p.used+n > inFlight {
		p.free.Wait()
	}
	p.used += n
	p.mu.Unlock()
	if buf, ok := p.buffers.Get().(*[]byte); ok && cap(*buf) >= n {
		return (*buf)[:n]
	}
	return make([]byte, n, max(n, 32<<10))
}

func (p *Workers) giveBack(buf []byte) {
	p.buffers.Put(&buf)
	p.mu.Lock()
	p.used -= len(buf)
	p.mu.Unlock()
	p.free.Broadcast()
}

// batch is the jobs of one layer.
type batch struct {
	workers *Workers
	group   sync.WaitGroup
	err     atomic.Pointer[error]
	buf     []byte // for streams; made when first needed
}

func (p *Workers) batch() *batch { return &batch{workers: p} }

// failed is the first error of the batch so far.
func (b *batch) failed() error {
	if err := b.err.Load(); err != nil {
		return *err
	}
	return nil
}

// wait waits for every job and returns the first error.
func (b *batch) wait() error {
	b.group.Wait()
	return b.failed()
}

// small reads n bytes of r and lets a worker write them.
func (b *batch) small(n int, r io.Reader, write func([]byte) error) error {
	buf := b.workers.acquire(n)
	if n > 0 {
		if _, err := io.ReadFull(r, buf); err != nil {
			b.workers.giveBack(buf)
			return badTar(err)
		}
	}
	b.group.Add(1)
	b.workers.jobs <- func() {
		defer b.group.Done()
		defer b.workers.giveBack(buf)
		if err := write(buf); err != nil {
			b.err.CompareAndSwap(nil, &err)
		}
	}
	return nil
}

// big writes a large file in this goroutine.
func (b *batch) big(write func(buf []byte) error) error {
	if b.buf == nil {
		b.buf = make([]byte, streamBuffer)
	}
	return badTar(write(b.buf))
}
