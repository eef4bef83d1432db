package imagestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// pull is the state of one Store.Pull. It touches the disk only when the first
// layer arrives.
type pull struct {
	store *Store
	// begin opens the repo, which it creates if need be; later calls do nothing.
	begin func() error

	mu        sync.Mutex
	lock      *storeLock // from the beginning when there is a repo, or set by begin
	begun     bool       // set by begin, as are the next four
	repo      *ostree.Repo
	arrivals  *arrivals
	pool      *layers.Workers
	made      madeDirs
	found     map[digest.Digest]layer
	configs   map[digest.Digest][]byte
	committed bool
}

// newPull begins a pull; finish ends it. From now on what is in the repo stays.
func (s *Store) newPull(ctx context.Context) (*pull, error) {
	p := &pull{store: s, found: make(map[digest.Digest]layer), configs: make(map[digest.Digest][]byte)}
	p.begin = sync.OnceValue(func() error { return p.start(ctx) })
	var err error
	p.lock, err = lockPresent(ctx, s.options.Repo)
	return p, err
}

// start is begin's work.
func (p *pull) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := p.store.options.Repo
	p.begun = true
	var err error
	if p.lock == nil {
		if p.lock, p.made, err = lockToMake(ctx, path); err != nil {
			return err
		}
	}
	if err := ostree.Create(path); err != nil {
		return err
	}
	if p.repo, err = ostree.Open(ctx, path); err != nil {
		return err
	}
	p.arrivals = newArrivals(ctx, p.repo)
	p.pool = layers.NewWorkers(max(2, runtime.GOMAXPROCS(0)))
	return nil
}

// workers is valid after begin.
func (p *pull) workers() *layers.Workers {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pool
}

func (p *pull) setLayer(blob digest.Digest, l layer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found[blob] = l
}

func (p *pull) layer(blob digest.Digest) (layer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.found[blob]
	return l, ok
}

// fetchedBytes is how large the layers are that have come.
func (p *pull) fetchedBytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum int64
	for _, l := range p.found {
		sum += l.size
	}
	return sum
}

func (p *pull) setConfig(blob digest.Digest, config []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.configs[blob] = config
}

func (p *pull) config(blob digest.Digest) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.configs[blob]
}

// reuse looks for a layer in the repo by its blob. The lock keeps it there.
func (p *pull) reuse(blob digest.Digest) (bool, error) {
	if blob.Validate() != nil {
		return false, nil
	}
	if _, ok := p.layer(blob); ok {
		return true, nil
	}
	if _, err := os.Stat(p.store.options.Repo); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := p.begin(); err != nil {
		return false, err
	}
	commit, found, err := refOrNone(p.repo, digestRef(blobPrefix, blob))
	if !found || err != nil {
		return false, err
	}
	c, err := p.repo.LoadCommit(commit, keyDiffID, keyRecord)
	if err != nil || string(c.Value(keyRecord)) != recordVersion { // of an older version, and lacks what a push needs
		return false, err
	}
	p.setLayer(blob, layer{diffID: digest.Digest(c.Value(keyDiffID)), commit: commit})
	return true, nil
}

// receive unpacks a layer in a transaction of its own. keep makes the layer part of
// the pull, and soon of the repo; until then it is thrown away with the pull.
func (p *pull) receive(ctx context.Context, r io.Reader, size int64) (keep func(blob types.BlobInfo) error, err error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	at, err := p.arrivals.begin(ctx)
	if err != nil {
		return nil, err
	}
	if !p.store.options.KeepBlobs {
		size = 0
	}
	l, err := unpack(keepBlob(r, size, at.txn), at.txn, p.workers(), p.store.options.limits())
	if err != nil {
		return nil, errors.Join(err, p.arrivals.drop(at))
	}
	return func(blob types.BlobInfo) error {
		l.size = blob.Size
		if err := p.arrivals.complete(at, l, blob.Digest); err != nil {
			return err
		}
		p.setLayer(blob.Digest, l)
		return nil
	}, nil
}

// commit merges the layers and makes the image visible.
func (p *pull) commit(ctx context.Context, record imageRecord, stack []layer, blobs []digest.Digest) error {
	if err := p.begin(); err != nil { // an image may have no layers
		return err
	}
	name, err := refname.Encode(record.reference)
	if err != nil {
		return err
	}
	txn, err := p.repo.Begin(ctx)
	if err != nil {
		return err
	}
	prepared := make(chan error)
	go func() { prepared <- p.arrivals.prepare(ctx) }() // the disk writes meanwhile
	image, err := p.writeImage(ctx, txn, record, stack)
	if err := errors.Join(err, <-prepared); err != nil {
		return errors.Join(err, txn.Abort())
	}
	for i, l := range stack { // what depends on others comes after them
		txn.SetRef(digestRef(layerPrefix, l.diffID), l.commit)
		txn.SetRef(digestRef(blobPrefix, blobs[i]), l.commit)
	}
	txn.SetRef(digestRef(manifestPrefix, record.digest), image)
	txn.SetRef(imagePrefix+name, image)
	if err := commitTogether(ctx, p.arrivals.take(), txn); err != nil {
		return errors.Join(err, txn.Abort())
	}
	p.committed = true
	return nil
}

// writeImage writes the merged commit.
func (p *pull) writeImage(ctx context.Context, txn *ostree.Txn, record imageRecord, stack []layer) (ostree.Checksum, error) {
	dirMeta, err := txn.WriteDirMeta(defaultDir())
	if err != nil {
		return ostree.Checksum{}, err
	}
	tree, err := p.merge(ctx, stack, func() *layers.Merger {
		return layers.NewMerger(dirMeta, readlink(ctx, p.repo))
	})
	if err != nil {
		return ostree.Checksum{}, err
	}
	root, err := txn.WriteTree(tree)
	if err != nil {
		return ostree.Checksum{}, err
	}
	if err := writeStack(txn, root, stack); err != nil {
		return ostree.Checksum{}, err
	}
	return txn.WriteCommit(ostree.CommitSpec{Subject: record.reference, Root: root, Metadata: record.values()})
}

// fate is what becomes of the complete layers of a pull that has failed.
type fate int

const (
	keepLayers fate = iota // the next attempt goes on with them
	dropLayers             // there is no reason why that should succeed
)

// finish ends the pull, which failed if there is a reason. When it was interrupted,
// the layers that are complete stay, for the next attempt; otherwise nothing is
// left, since there is no reason why it should succeed the next time.
func (p *pull) finish(ctx context.Context, reason error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != nil {
		p.pool.Close()
	}
	ctx = context.WithoutCancel(ctx)
	rest := dropLayers
	if interrupted(reason) {
		rest = keepLayers
	}
	var errs []error
	if p.arrivals != nil {
		errs = append(errs, p.arrivals.finish(ctx, rest))
	}
	if p.repo != nil {
		errs = append(errs, p.repo.Close())
	}
	if p.lock != nil {
		errs = append(errs, p.lock.release())
	}
	if p.begun && !p.committed {
		errs = append(errs, p.tidy(ctx, rest))
	}
	return errors.Join(errs...)
}

// interrupted tells the errors that say nothing about the image: the same pull may
// succeed later.
func interrupted(err error) bool {
	for _, reason := range []error{ErrBadImage, ErrPlatform, ErrRejected} {
		if errors.Is(err, reason) {
			return false
		}
	}
	for _, reason := range []error{
		context.Canceled, context.DeadlineExceeded, unix.ENOSPC, unix.EDQUOT, unix.EIO, ErrUnreachable,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	var connection *net.OpError
	var name *net.DNSError
	return err != nil && (transient(err) || unreachable(err)) || errors.As(err, &connection) || errors.As(err, &name)
}

// undoPatience is how long a failed pull waits for others before it leaves to them,
// or to a prune, what is to be removed.
const undoPatience = 2 * time.Second

// tidy removes the layers that are to be dropped, a repo in which nothing is, and of the
// directories that were made for it those that are empty then.
//
// Others may have found the layers and build on them. They hold the lock for as long
// as they do, and when they are done their images use the layers: what an image
// uses stays.
func (p *pull) tidy(ctx context.Context, rest fate) error {
	err := p.store.withRepoAlone(ctx, undoPatience, func(repo *ostree.Repo) error {
		if rest == keepLayers || p.arrivals == nil || len(p.arrivals.own) == 0 {
			return nil
		}
		own := func(ref string) bool { return slices.Contains(p.arrivals.own, ref) }
		intact, err := dropUnused(ctx, repo, own)
		if err != nil || !intact {
			return err
		}
		_, err = repo.Prune(ctx)
		return err
	})
	if err != nil && !errors.Is(err, errNoRepo) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	p.made.undo()
	return nil
}
