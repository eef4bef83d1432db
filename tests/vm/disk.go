package vm

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
)

// Disk is a disk with a write cache that loses its power. What the machine writes is in the cache, and seen by the
// machine, at once; it is on the disk when the machine has flushed it. Cut is the moment at which the power goes: of
// what was not flushed, each block is there or is not, whatever the order in which they were written.
//
// It begins as a copy of a file, which is never written to. Its methods may be called at the same time.
type Disk struct {
	base *os.File
	size int64

	mu     sync.Mutex
	stored map[int64]*block // by number, over the file
	cached map[int64]*block // over these
	random *rand.Rand
	writes int
	limit  int           // of writes; there is none when it is 0
	still  chan struct{} // closed when the limit is reached
}

const blockSize = 4096

type block [blockSize]byte

// OpenDisk returns a disk that begins as the file. The seed decides what a cut loses. Close it.
func OpenDisk(file string, seed uint64) (*Disk, error) {
	base, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := base.Stat()
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	return &Disk{
		base: base, size: info.Size(), random: rand.New(rand.NewPCG(seed, 0)),
		stored: map[int64]*block{}, cached: map[int64]*block{},
	}, nil
}

// Close forgets everything that was written.
func (d *Disk) Close() error { return d.base.Close() }

// ReadAt implements io.ReaderAt for whatever is within the disk.
func (d *Disk) ReadAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(p), eachBlock(p, offset, func(part []byte, number, within int64) error {
		b, err := d.block(number)
		if err == nil {
			copy(part, b[within:])
		}
		return err
	})
}

// WriteAt implements io.WriterAt: into the cache.
func (d *Disk) WriteAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isStill() {
		return 0, errStill
	}
	if d.writes++; d.writes == d.limit {
		close(d.still)
	}
	return len(p), eachBlock(p, offset, func(part []byte, number, within int64) error {
		before, err := d.block(number)
		if err == nil {
			after := *before
			copy(after[within:], part)
			d.cached[number] = &after
		}
		return err
	})
}

// errStill says that the disk does nothing more.
var errStill = errors.New("the disk stands still")

func (d *Disk) isStill() bool { return d.limit > 0 && d.writes >= d.limit }

// Writes is how many times the disk has been written to.
func (d *Disk) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// StopAfter has the disk stand still after so many more writes: nothing that comes then is stored, or confirmed. The
// channel that it returns is closed at that moment, at which the power is to be cut.
func (d *Disk) StopAfter(writes int) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit, d.still = d.writes+writes, make(chan struct{})
	return d.still
}

// Flush stores what is in the cache.
func (d *Disk) Flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isStill() {
		return errStill
	}
	for number, b := range d.cached {
		d.stored[number] = b
	}
	clear(d.cached)
	return nil
}

// Cut empties the cache, as a loss of power does, and returns how many blocks were in it, and how many were lost.
func (d *Disk) Cut() (cached, lost int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for number, b := range d.cached {
		if d.random.IntN(2) == 0 {
			lost++
			continue
		}
		d.stored[number] = b
	}
	cached = len(d.cached)
	clear(d.cached)
	d.limit = 0
	return cached, lost
}

// block is what the machine sees; nobody writes to it.
func (d *Disk) block(number int64) (*block, error) {
	for _, layer := range []map[int64]*block{d.cached, d.stored} {
		if b := layer[number]; b != nil {
			return b, nil
		}
	}
	var b block
	_, err := d.base.ReadAt(b[:], number*blockSize)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return &b, err
}

// eachBlock calls do for each part of p that is in one block.
func eachBlock(p []byte, offset int64, do func(part []byte, number, within int64) error) error {
	for len(p) > 0 {
		number, within := offset/blockSize, offset%blockSize
		size := min(int64(len(p)), blockSize-within)
		if err := do(p[:size], number, within); err != nil {
			return err
		}
		p, offset = p[size:], offset+size
	}
	return nil
}
