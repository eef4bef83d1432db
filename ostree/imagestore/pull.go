package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	repo      *ostree.Repo // set by begin
	txn       *ostree.Txn
	pool      *layers.Workers
	made      madeDirs // by begin
	found     map[digest.Digest]layer
	configs   map[digest.Digest][]byte
	committed bool
}

func (s *Store) newPull(ctx context.Context) *pull {
	p := &pull{store: s, found: make(map[digest.Digest]layer), configs: make(map[digest.Digest][]byte)}
	p.begin = sync.OnceValues(func() (*ostree.Txn, error) { return p.start(ctx) })
	return p
}

// start is begin's work.
func (p *pull) start(ctx context.Context) (*ostree.Txn, error) {
	made, err := makeRepo(p.store.options.Repo)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = made
	if err != nil {
		return nil, err
	}
	if p.repo, p.txn, err = openLocked(ctx, p.store.options.Repo); err != nil {
		return nil, err
	}
	p.pool = layers.NewWorkers(max(2, runtime.GOMAXPROCS(0)))
	return p.txn, nil
}

// maxOpens is how often a repo may vanish before a pull gives up: often, because
// each time means that somebody else got something done.
const maxOpens = 1000

// openLocked opens the repo and a transaction in it. Another process may remove
// an empty repo while this one waits for its lock: then there is a new one to
// make.
func openLocked(ctx context.Context, path string) (*ostree.Repo, *ostree.Txn, error) {
	for range maxOpens {
		if err := ostree.Create(path); err != nil {
			return nil, nil, err
		}
		repo, err := ostree.Open(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		txn, err := repo.Begin(ctx)
		if err == nil && repo.Current() {
			return repo, txn, nil
		}
		if err == nil {
			err = txn.Abort()
		}
		repo.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("opening the repo %q: another process keeps removing it", path)
}

// makeRepo makes the directories that lead to the repo, and the repo. It returns
// the directories that it made, the repo among them.
func makeRepo(path string) (made madeDirs, err error) {
	made, err = makeDirs(filepath.Dir(path))
	if err != nil {
		return made, err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		made = append(madeDirs{filepath.Clean(path)}, made...)
	}
	return made, ostree.Create(path)
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
	if len(p.made) > 0 && !p.committed {
		errs = append(errs, unmakeRepo(ctx, p.store.options.Repo, p.made))
	}
	return errors.Join(errs...)
}

// lockPatience is how long an undo waits for other processes before it leaves
// an empty repo to them.
const lockPatience = 2 * time.Second

// unmakeRepo removes a repo in which nothing is, and of the directories that
// were made for it those that are empty then. When another process uses it, it
// stays.
func unmakeRepo(ctx context.Context, path string, made madeDirs) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockPatience)
	defer cancel()
	removed, err := removeIfEmpty(ctx, path)
	if err != nil || !removed {
		return err
	}
	made.undo()
	return nil
}

// removeIfEmpty removes a repo without refs. It waits for other users of the
// repo until ctx ends; then the repo stays, without an error.
func removeIfEmpty(ctx context.Context, path string) (removed bool, err error) {
	if _, err := os.Stat(filepath.Join(path, "config")); errors.Is(err, fs.ErrNotExist) {
		return true, vanish(path) // creating it had failed
	}
	repo, err := ostree.Open(ctx, path)
	if err != nil {
		return false, err
	}
	defer repo.Close()
	unlock, err := repo.Lock(ctx)
	if ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	refs, err := repo.Refs(ctx, "")
	if err != nil || len(refs) > 0 {
		return false, err
	}
	return true, vanish(path)
}
