package ostree

// #include <stdlib.h>
// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Repo is an open repo of mode bare. Its methods may be called from several
// goroutines, and there may be several transactions.
type Repo struct {
	path         string
	dir, objects *os.File
	c            *C.OstreeRepo
	disk         writeback
	lost         atomic.Pointer[error] // of a sync
}

// Open opens the repo at path. When there is none the error is an
// [fs.ErrNotExist]. The caller closes it.
func Open(ctx context.Context, path string) (*Repo, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, wrap("opening the repo", err)
	}
	if err := load(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	cPath := cString(path)
	defer free(cPath)
	cancel, release := cancellable(ctx)
	defer release()
	var gerr *C.GError
	c := C.ostree_repo_open_at(C.AT_FDCWD, cPath, cancel, &gerr)
	if c == nil {
		dir.Close()
		return nil, wrap(fmt.Sprintf("opening the repo %q", path), failure(gerr))
	}
	r := &Repo{path: path, dir: dir, c: c}
	r.disk.sync = r.sync
	if r.objects, err = os.Open(filepath.Join(path, "objects")); err != nil {
		return nil, errors.Join(wrap("opening the repo", err), r.Close())
	}
	// A checkout is made durable by one syncfs at its end; libostree alone would sync
	// each directory.
	C.ostree_repo_set_disable_fsync(c, C.TRUE)
	return r, nil
}

// Close releases the repo, of which no transaction is open.
func (r *Repo) Close() error {
	r.disk.wait()
	C.g_object_unref(C.gpointer(r.c))
	r.c = nil
	return errors.Join(r.objects.Close(), r.dir.Close())
}

// Path is the path that the repo was opened with.
func (r *Repo) Path() string { return r.path }

// sync makes everything durable that was written to the repo's file system. When it has
// failed once it always does: the kernel tells only once what it could not write, and
// forgets it.
func (r *Repo) sync() error {
	if err := unix.Syncfs(int(r.dir.Fd())); err != nil {
		err = wrap("syncing the repo's file system", err)
		r.lost.CompareAndSwap(nil, &err)
	}
	if lost := r.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

// Ref is the commit that a ref points to; an [fs.ErrNotExist] when there is no
// such ref.
func (r *Repo) Ref(name string) (Checksum, error) {
	cName := cString(name)
	defer free(cName)
	var gerr *C.GError
	var rev *C.char
	if C.ostree_repo_resolve_rev(r.c, cName, C.TRUE, &rev, &gerr) == 0 {
		return Checksum{}, wrap(fmt.Sprintf("resolving ref %q", name), failure(gerr))
	}
	if rev == nil {
		return Checksum{}, fmt.Errorf("resolving ref %q: %w", name, os.ErrNotExist)
	}
	return takeChecksum(rev)
}

// SetRef points a ref at a commit, durably and at once, outside a transaction.
func (r *Repo) SetRef(ctx context.Context, name string, commit Checksum) error {
	hex := commit.hex()
	return r.setRef(ctx, name, hex.c())
}

// DeleteRef drops a ref. One that does not exist is fine.
func (r *Repo) DeleteRef(ctx context.Context, name string) error {
	if _, err := r.Ref(name); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return r.setRef(ctx, name, nil)
}

func (r *Repo) setRef(ctx context.Context, name string, hex *C.char) error {
	cName := cString(name)
	defer free(cName)
	cancel, release := cancellable(ctx)
	defer release()
	C.ostree_repo_set_disable_fsync(r.c, C.FALSE)
	defer C.ostree_repo_set_disable_fsync(r.c, C.TRUE)
	var gerr *C.GError
	if C.ostree_repo_set_ref_immediate(r.c, nil, cName, hex, cancel, &gerr) == 0 {
		return wrap(fmt.Sprintf("writing ref %q", name), failure(gerr))
	}
	return nil
}

// Lock keeps every transaction and every other lock out, in this process and in
// others, until unlock is called. It waits for them, but not for ever: the
// repo's core.lock-timeout-secs, 30 by default.
func (r *Repo) Lock(ctx context.Context) (unlock func() error, err error) {
	return r.lock(ctx, C.OSTREE_REPO_LOCK_EXCLUSIVE)
}

// lockShared keeps prunes and exclusive locks out, as a transaction does.
func (r *Repo) lockShared(ctx context.Context) (unlock func() error, err error) {
	return r.lock(ctx, C.OSTREE_REPO_LOCK_SHARED)
}

func (r *Repo) lock(ctx context.Context, kind C.OstreeRepoLockType) (unlock func() error, err error) {
	cancel, release := cancellable(ctx)
	defer release()
	var gerr *C.GError
	if C.ostree_repo_lock_push(r.c, kind, cancel, &gerr) == 0 {
		err := failure(gerr)
		if cause := r.openLock(); cause != nil { // libostree does not tell why it cannot
			err = cause
		}
		return nil, wrap("waiting for the repo's lock", err)
	}
	return func() error {
		var gerr *C.GError
		if C.ostree_repo_lock_pop(r.c, kind, nil, &gerr) == 0 {
			return wrap("releasing the repo's lock", failure(gerr))
		}
		return nil
	}, nil
}

// openLock is an error when the file that libostree locks cannot be opened.
func (r *Repo) openLock() error {
	f, err := os.OpenFile(filepath.Join(r.path, ".lock"), os.O_CREATE|os.O_RDWR, 0o660)
	if err != nil {
		return err
	}
	return f.Close()
}

// Pruned counts what a prune removed.
type Pruned struct {
	Objects int
	Bytes   uint64
}

// Sweep removes what transactions that were killed left, and nothing else: staged
// objects, also those of ostree's own commands, and refs without a name. The caller has
// the repo's Lock.
func (r *Repo) Sweep() (Pruned, error) {
	staged, err := r.dropStaging(stagingPrefix)
	if err != nil {
		return staged, err
	}
	if err := errors.Join(r.sweepPartial(), r.sweepRefs()); err != nil {
		return staged, wrap("removing what was not finished", err)
	}
	return staged, nil
}

// Prune removes every object that no ref reaches, and what Sweep does. The caller has
// the repo's Lock.
func (r *Repo) Prune(ctx context.Context) (Pruned, error) {
	staged, err := r.Sweep()
	if err != nil {
		return Pruned{}, err
	}
	cancel, release := cancellable(ctx)
	defer release()
	var total, pruned C.gint
	var size C.guint64
	var gerr *C.GError
	if C.ostree_repo_prune(r.c, C.OSTREE_REPO_PRUNE_FLAGS_REFS_ONLY, -1, &total, &pruned, &size, cancel, &gerr) == 0 {
		return Pruned{}, wrap("pruning the repo", failure(gerr))
	}
	return Pruned{Objects: int(pruned) + staged.Objects, Bytes: uint64(size) + staged.Bytes}, nil
}

// Checkout writes a commit's tree to dir, which must not exist, with every file
// a hard link to its object. It fails where a link is impossible (another file
// system). Content is copied only where an object has as many links as the file
// system allows (65000 on ext4), and where it is empty; a symlink whose target is
// not UTF-8 is made anew. When it returns nil the
// tree is durable; after an error the caller removes dir.
func (r *Repo) Checkout(ctx context.Context, commit Checksum, dir string) error {
	err := r.checkout(ctx, commit, dir, C.TRUE)
	if tooManyLinks(err) {
		if err := os.RemoveAll(dir); err != nil {
			return wrap(fmt.Sprintf("checking out %s once more", commit), err)
		}
		err = r.checkout(ctx, commit, dir, C.FALSE)
	}
	if err != nil {
		return err
	}
	c, err := r.LoadCommit(commit, keyNames)
	if err != nil {
		return err
	}
	if err := r.giveNames(ctx, c, dir); err != nil {
		return wrap(fmt.Sprintf("checking out %s to %q", commit, dir), err)
	}
	return r.sync()
}

func (r *Repo) checkout(ctx context.Context, commit Checksum, dir string, linksOnly C.gboolean) error {
	cDir := cString(dir)
	defer free(cDir)
	cancel, release := cancellable(ctx)
	defer release()
	hex := commit.hex()
	var gerr *C.GError
	if C.sysc_checkout(r.c, hex.c(), cDir, linksOnly, cancel, &gerr) == 0 {
		return wrap(fmt.Sprintf("checking out %s to %q", commit, dir), failure(gerr))
	}
	return nil
}
