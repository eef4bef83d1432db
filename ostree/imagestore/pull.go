package imagestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
	"github.com/syscontainer/syscontainer/ostree/imagestore/refname"
)

// pull is the state of one Store.Pull. It touches the disk only when the first
// layer arrives, and leaves it as it was unless commit succeeds.
type pull struct {
	store *Store
	// begin opens the repo, which it creates if need be, and a transaction in
	// it; later calls return the same.
	begin func() (*ostree.Txn, error)

	mu        sync.Mutex
	lock      *storeLock // from the beginning when there is a repo, or set by begin
	begun     bool       // set by begin, as are the next four
	repo      *ostree.Repo
	txn       *ostree.Txn
	pool      *layers.Workers
	made      madeDirs
	found     map[digest.Digest]layer
	configs   map[digest.Digest][]byte
	committed bool
}

// newPull begins a pull; finish ends it. From now on what is in the repo stays.
func (s *Store) newPull(ctx context.Context) (*pull, error) {
	p := &pull{store: s, found: make(map[digest.Digest]layer), configs: make(map[digest.Digest][]byte)}
	p.begin = sync.OnceValues(func() (*ostree.Txn, error) { return p.start(ctx) })
	var err error
	p.lock, err = lockPresent(ctx, s.options.Repo)
	return p, err
}

// start is begin's work.
func (p *pull) start(ctx context.Context) (*ostree.Txn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := p.store.options.Repo
	p.begun = true
	var err error
	if p.lock == nil {
		if p.lock, p.made, err = lockToMake(ctx, path); err != nil {
			return nil, err
		}
	}
	if err := ostree.Create(path); err != nil {
		return nil, err
	}
	if p.repo, err = ostree.Open(ctx, path); err != nil {
		return nil, err
	}
	if p.txn, err = p.repo.Begin(ctx); err != nil {
		return nil, err
	}
	p.pool = layers.NewWorkers(max(2, runtime.GOMAXPROCS(0)))
	return p.txn, nil
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

// reuse looks for a layer in the repo by its blob. Once one is found the
// transaction is open and keeps it from being pruned.
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
	if _, err := p.begin(); err != nil {
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

// commit merges the layers and makes everything visible at once.
func (p *pull) commit(ctx context.Context, record imageRecord, stack []layer, blobs []digest.Digest) error {
	txn, err := p.begin() // an image may have no layers
	if err != nil {
		return err
	}
	image, err := p.writeImage(ctx, txn, record, stack)
	if err != nil {
		return err
	}
	name, err := refname.Encode(record.reference)
	if err != nil {
		return err
	}
	for i, l := range stack { // what depends on others comes after them
		txn.SetRef(digestRef(layerPrefix, l.diffID), l.commit)
		txn.SetRef(digestRef(blobPrefix, blobs[i]), l.commit)
	}
	txn.SetRef(digestRef(manifestPrefix, record.digest), image)
	txn.SetRef(imagePrefix+name, image)
	if err := txn.Commit(ctx); err != nil {
		return err
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
	m := layers.NewMerger(dirMeta, readlink(ctx, p.repo))
	for _, l := range stack {
		if l.entries == nil {
			if l.entries, err = loadEntries(ctx, p.repo, l.commit); err != nil {
				return ostree.Checksum{}, err
			}
		}
		if err := m.Apply(l.entries); err != nil {
			return ostree.Checksum{}, err
		}
	}
	root, err := txn.WriteTree(m.Tree())
	if err != nil {
		return ostree.Checksum{}, err
	}
	return txn.WriteCommit(ostree.CommitSpec{
		Subject: record.reference, Root: root, Metadata: record.values(),
	})
}

// finish ends the pull. Unless it was committed nothing is left of it.
func (p *pull) finish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != nil {
		p.pool.Close()
	}
	var errs []error
	if p.txn != nil {
		errs = append(errs, p.txn.Abort())
	}
	if p.repo != nil {
		errs = append(errs, p.repo.Close())
	}
	if p.lock != nil {
		errs = append(errs, p.lock.release())
	}
	if p.begun && !p.committed {
		errs = append(errs, p.unmake(ctx))
	}
	return errors.Join(errs...)
}

// undoPatience is how long an undo waits for others before it leaves an empty
// repo to them.
const undoPatience = 2 * time.Second

// unmake removes a repo in which nothing is, and of the directories that were
// made for it those that are empty then. When others use it, it stays.
func (p *pull) unmake(ctx context.Context) error {
	err := p.store.withRepoAlone(context.WithoutCancel(ctx), undoPatience, func(*ostree.Repo) error { return nil })
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	p.made.undo()
	return nil
}
