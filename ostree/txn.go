package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Txn is a transaction: what is written becomes part of the repo with Commit,
// all of it, or is gone after Abort. The Write methods may be called from
// several goroutines. Cancelling the context that was given to Begin makes them
// fail. After an error of one of them the transaction cannot be committed.
//
// While a transaction is open no other process can prune the repo.
type Txn struct {
	repo      *Repo
	unlock    func() error
	cancelled func() error
	staging   *staging
	metadata  sync.Map     // Checksum of each metadata object written so far
	streams   atomic.Int64 // that were begun
	unchecked atomic.Int64 // bytes since somebody looked at what is free
	failed    atomic.Bool
	prepared  atomic.Bool // all that was written is durable

	commitsMu sync.Mutex
	commits   []Checksum // that were written
	partial   []Checksum // those of them that are marked

	mu     sync.RWMutex // held for reading by every writer
	ended  bool
	naming bool // objects may have their names already
	refs   []newRef
}

type newRef struct {
	name   string
	commit Checksum
	file   *os.File // without a name until the objects have theirs
}

// Begin opens a transaction, in which there is nothing of any other, and removes what
// those have left that were killed. It waits while another process prunes. One of Commit
// and Abort must follow.
func (r *Repo) Begin(ctx context.Context) (*Txn, error) {
	unlock, err := r.lockShared(ctx)
	if err != nil {
		return nil, wrap("beginning a transaction", err)
	}
	_, err = r.dropStaging(ownPrefix)
	if err == nil {
		err = r.fits(0)
	}
	var s *staging
	if err == nil {
		s, err = r.newStaging()
	}
	if err != nil {
		return nil, wrap("beginning a transaction", errors.Join(err, unlock()))
	}
	return &Txn{repo: r, unlock: unlock, cancelled: ctx.Err, staging: s}, nil
}

// enter keeps the transaction open until leave.
func (t *Txn) enter() error {
	t.mu.RLock()
	if t.ended {
		t.mu.RUnlock()
		return ErrFinished
	}
	if err := t.cancelled(); err != nil {
		t.mu.RUnlock()
		return err
	}
	t.prepared.Store(false)
	return nil
}

func (t *Txn) leave() { t.mu.RUnlock() }

// CommitSpec describes a commit to write.
type CommitSpec struct {
	Subject string
	// Time may be zero: then equal trees and metadata give equal commits.
	Time time.Time
	// Root is the tree, from [Txn.WriteTree].
	Root Root
	// Metadata is stored as values of type ay.
	Metadata map[string][]byte
}

// WriteCommit writes a commit object without a parent.
func (t *Txn) WriteCommit(spec CommitSpec) (Checksum, error) {
	commit, err := t.writeMetadata(kindCommit, spec.encode())
	if err != nil {
		return Checksum{}, err
	}
	t.commitsMu.Lock()
	defer t.commitsMu.Unlock()
	t.commits = append(t.commits, commit)
	return commit, nil
}

// encode is the commit object.
func (spec CommitSpec) encode() []byte {
	subject := cString(spec.Subject)
	defer free(subject)
	dict := C.g_variant_dict_new(nil)
	defer C.g_variant_dict_unref(dict)
	for _, key := range slices.Sorted(maps.Keys(spec.Metadata)) {
		addValue(dict, key, spec.Metadata[key])
	}
	if len(spec.Root.names) > 0 {
		addValue(dict, keyNames, spec.Root.names)
	}
	var seconds int64
	if !spec.Time.IsZero() {
		seconds = max(0, spec.Time.Unix())
	}
	root, meta := spec.Root.content.hex(), spec.Root.meta.hex()
	return takeBytes(C.sysc_commit_object(subject, dict, root.c(), meta.c(), C.guint64(seconds)))
}

func addValue(dict *C.GVariantDict, key string, value []byte) {
	cKey := cString(key)
	defer free(cKey)
	C.sysc_dict_add(dict, cKey, pointer(value), C.gsize(len(value)))
}

// SetRef points a ref at a commit when the transaction is committed, in the order
// of the calls: who is killed meanwhile leaves the first of them.
func (t *Txn) SetRef(name string, commit Checksum) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.prepared.Store(false)
	t.refs = append(t.refs, newRef{name: name, commit: commit})
}

// Abort throws the transaction away. After Commit it does nothing, so it can be
// deferred. It waits for writers that are still at work.
func (t *Txn) Abort() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	return wrapped("aborting the transaction", errors.Join(t.forgetPartial(), t.end()))
}

// end lets go of everything.
func (t *Txn) end() error {
	t.ended = true
	for _, ref := range t.refs {
		ref.file.Close() // nil is fine
	}
	return errors.Join(t.dropFolder(), t.unlock())
}

// dropFolder removes what was staged and has no name. It may be repeated.
func (t *Txn) dropFolder() error {
	if t.staging == nil {
		return nil
	}
	err := t.staging.remove()
	t.staging = nil
	return err
}
