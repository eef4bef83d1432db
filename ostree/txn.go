package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Txn is a transaction: what is written becomes part of the repo with Commit,
// all of it, or is gone after Abort. The Write methods may be called from
// several goroutines. Cancelling the context that was given to Begin makes them
// fail.
//
// While a transaction is open no other process can prune the repo.
type Txn struct {
	repo     *Repo
	cancel   *C.GCancellable
	release  func()
	metadata sync.Map // Checksum of each metadata object written so far
	disk     writeback

	spoolMu sync.Mutex
	spool   []spooled
	commits []Checksum // that were written
	partial []Checksum // those of them that are marked

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

// Begin opens a transaction, in which there is nothing of any other. It waits
// while another process prunes. One of Commit and Abort must follow.
func (r *Repo) Begin(ctx context.Context) (*Txn, error) {
	cancel, release := cancellable(ctx)
	// With fsync disabled libostree writes objects straight to their final
	// names, and Abort could not take them back.
	C.ostree_repo_set_disable_fsync(r.c, C.FALSE)
	if err := r.prepare(ctx, cancel); err != nil {
		release()
		return nil, wrap("beginning a transaction", err)
	}
	return &Txn{repo: r, cancel: cancel, release: release, disk: writeback{sync: r.sync}}, nil
}

// enter keeps the transaction open until leave.
func (t *Txn) enter() error {
	t.mu.RLock()
	if t.ended {
		t.mu.RUnlock()
		return ErrFinished
	}
	if C.g_cancellable_is_cancelled(t.cancel) != 0 {
		t.mu.RUnlock()
		return context.Canceled
	}
	return nil
}

func (t *Txn) leave() { t.mu.RUnlock() }

// WriteFile writes a regular file whose content is in memory.
func (t *Txn) WriteFile(m Meta, content []byte) (Checksum, error) {
	header := fileHeader(m, "")
	hash := sha256.New()
	hash.Write(header)
	hash.Write(content)
	sum := Checksum(hash.Sum(nil))
	return sum, t.writeContent(sum, m, nil, content)
}

// WriteSymlink writes a symlink. Only ownership and attributes of m count. Where
// the target is not UTF-8 the [Tree] that names the object must tell it, too.
func (t *Txn) WriteSymlink(m Meta, target string) (Checksum, error) {
	m.Mode = TypeLink | 0o777
	target = targetStandIn(target)
	cTarget := cString(target)
	defer free(cTarget)
	sum := Checksum(sha256.Sum256(fileHeader(m, target)))
	return sum, t.writeContent(sum, m, cTarget, nil)
}

func (t *Txn) writeContent(sum Checksum, m Meta, target *C.char, content []byte) error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	attrs := appendXattrs(nil, m.Xattrs)
	hex := sum.hex()
	var gerr *C.GError
	if C.sysc_write_file(t.repo.c, hex.c(), C.guint32(m.UID), C.guint32(m.GID), C.guint32(m.Mode),
		pointer(attrs), C.gsize(len(attrs)), target, pointer(content), C.gsize(len(content)),
		t.cancel, &gerr) == 0 {
		return wrap("writing a file", failure(gerr))
	}
	t.disk.wrote(int64(len(content)))
	return nil
}

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
	if err := t.enter(); err != nil {
		return Checksum{}, err
	}
	defer t.leave()
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
	var gerr *C.GError
	sum := C.sysc_write_commit(t.repo.c, subject, dict, root.c(), meta.c(), C.guint64(seconds), t.cancel, &gerr)
	if sum == nil {
		return Checksum{}, wrap("writing a commit", failure(gerr))
	}
	commit, err := takeChecksum(sum)
	t.spoolMu.Lock()
	defer t.spoolMu.Unlock()
	t.commits = append(t.commits, commit)
	return commit, err
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
	t.end()
	if err := t.forgetPartial(); err != nil {
		return err
	}
	if err := t.repo.abandon(); err != nil {
		return wrap("aborting the transaction", err)
	}
	return nil
}

func (t *Txn) end() {
	t.ended = true
	t.disk.wait()
	t.closeSpool()
	for _, ref := range t.refs {
		ref.file.Close() // nil is fine
	}
	t.release()
}
