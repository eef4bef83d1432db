package ostree

// #include <stdlib.h>
// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Commit makes the transaction part of the repo, see [CommitAll].
func (t *Txn) Commit(ctx context.Context) error { return CommitAll(ctx, t) }

// CommitAll makes transactions of one repo part of it, for the price of one. When it
// returns nil, objects and refs survive a power cut. After an error no ref of a commit
// that is incomplete exists; call Abort on each. Objects may have stayed, for the next
// prune.
//
// The order matters: first the content of every object and ref becomes durable without
// its name, then the objects get their names, then those become durable, and only then a
// ref may point to them. That is one sync of the file system for each step; libostree
// would sync each directory and each ref.
func CommitAll(ctx context.Context, txns ...*Txn) error {
	if len(txns) == 0 {
		return nil
	}
	unlock, err := lockAll(txns)
	defer unlock()
	if err != nil {
		return err
	}
	if err := prepare(ctx, txns); err != nil {
		return err
	}
	for _, step := range []func(*Txn) error{
		(*Txn).name,
		func(t *Txn) error { return t.publishRefs(ctx) },
	} {
		if err := each(ctx, txns, step); err != nil {
			return err
		}
	}
	var errs []error
	for _, t := range txns {
		errs = append(errs, t.end())
	}
	return errors.Join(errs...)
}

// PrepareAll does the first and longest step of [CommitAll], which then need not, unless
// something is written in between. Nothing is part of the repo yet.
func PrepareAll(ctx context.Context, txns ...*Txn) error {
	unlock, err := lockAll(txns)
	defer unlock()
	if err != nil {
		return err
	}
	return prepare(ctx, txns)
}

// lockAll waits for writers and keeps others out.
func lockAll(txns []*Txn) (unlock func(), err error) {
	for _, t := range txns {
		t.mu.Lock()
		switch {
		case t.ended:
			err = ErrFinished
		case t.failed.Load():
			err = ErrIncomplete
		}
	}
	return func() {
		for _, t := range txns {
			t.mu.Unlock()
		}
	}, err
}

// prepare makes the content of all durable.
func prepare(ctx context.Context, txns []*Txn) error {
	todo := slices.DeleteFunc(slices.Clone(txns), func(t *Txn) bool { return t.prepared.Load() })
	if err := each(ctx, todo, (*Txn).ready); err != nil {
		return err
	}
	for _, t := range todo {
		t.prepared.Store(true)
	}
	return nil
}

// each takes a step with every transaction, and makes it durable.
func each(ctx context.Context, txns []*Txn, step func(*Txn) error) error {
	if len(txns) == 0 {
		return nil
	}
	for _, t := range txns {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(t); err != nil {
			return err
		}
	}
	return txns[0].repo.sync()
}

// ready prepares what must be durable before an object gets its name. Objects get
// their names in any order: a commit that has its name before its files have
// theirs is known not to be whole, if this ends in between.
func (t *Txn) ready() error {
	for i := range t.refs {
		if t.refs[i].file != nil {
			continue
		}
		if err := t.refs[i].write(t.repo); err != nil {
			return wrap(fmt.Sprintf("writing ref %q", t.refs[i].name), err)
		}
	}
	return t.markPartial()
}

// name gives the objects their names.
func (t *Txn) name() error {
	t.naming = true
	return wrapped("naming objects", t.staging.publish(t.repo.objects))
}

// publishRefs tells that the commits are whole, and points refs at them. Nothing is left
// of the transaction then: who finds the refs may have no reason to begin another, which
// would remove it.
func (t *Txn) publishRefs(ctx context.Context) error {
	if err := errors.Join(t.unmarkPartial(), t.dropFolder()); err != nil {
		return err
	}
	for _, ref := range t.refs {
		if err := ref.publish(ctx, t.repo); err != nil {
			return wrap(fmt.Sprintf("writing ref %q", ref.name), err)
		}
	}
	return nil
}

// write writes the ref's file, which vanishes unless it gets a name.
func (n *newRef) write(r *Repo) error {
	cName := cString(n.name)
	defer free(cName)
	var gerr *C.GError
	if C.ostree_validate_rev(cName, &gerr) == 0 {
		return failure(gerr)
	}
	fd, err := unix.Open(r.refPath(""), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	f := os.NewFile(uintptr(fd), n.name)
	if _, err := f.WriteString(n.commit.String() + "\n"); err != nil {
		return errors.Join(err, f.Close())
	}
	n.file = f
	return nil
}

// publish gives the file its name. One that is there already is left to libostree,
// unless it says the same.
func (n *newRef) publish(ctx context.Context, r *Repo) error {
	path := r.refPath(n.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	self := fmt.Sprintf("/proc/self/fd/%d", n.file.Fd())
	err := unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if !errors.Is(err, unix.EEXIST) {
		return os.NewSyscallError("linkat", err)
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == n.commit.String()+"\n" {
		return nil
	}
	return r.SetRef(ctx, n.name, n.commit)
}

func (r *Repo) refPath(name string) string { return filepath.Join(r.path, "refs", "heads", name) }

// markPartial tells fsck that the commits of the transaction may lack objects,
// but for those that are in the repo already.
func (t *Txn) markPartial() error {
	for _, commit := range t.commits {
		if t.repo.whole(commit) {
			continue
		}
		t.partial = append(t.partial, commit)
		if err := t.repo.setPartial(commit, C.TRUE); err != nil {
			return err
		}
	}
	return nil
}

// unmarkPartial takes back what markPartial told.
func (t *Txn) unmarkPartial() error {
	for _, commit := range t.partial {
		if err := t.repo.setPartial(commit, C.FALSE); err != nil {
			return err
		}
	}
	return nil
}

// forgetPartial takes back the marks of a transaction that ends without Commit. A
// commit that has its name all the same keeps its mark: another transaction may
// be giving names to its files.
func (t *Txn) forgetPartial() error {
	for _, commit := range t.partial {
		if t.naming || t.repo.has(objectName(commit, kindCommit)) {
			continue
		}
		if err := t.repo.setPartial(commit, C.FALSE); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repo) setPartial(commit Checksum, partial C.gboolean) error {
	hex := commit.hex()
	var gerr *C.GError
	if C.ostree_repo_mark_commit_partial(r.c, hex.c(), partial, &gerr) == 0 {
		err := failure(gerr)
		if partial == C.FALSE { // libostree cannot remove the mark, and does not know why
			err = os.Remove(r.partialMark(commit))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrap("marking a commit", err)
		}
	}
	return nil
}

func (r *Repo) partialMark(commit Checksum) string {
	return filepath.Join(r.path, "state", commit.String()+partialSuffix)
}

// whole tells whether a commit is in the repo, outside of transactions, and not
// marked as partial.
func (r *Repo) whole(commit Checksum) bool {
	_, partial := os.Stat(r.partialMark(commit))
	return r.has(objectName(commit, kindCommit)) && errors.Is(partial, fs.ErrNotExist)
}

const partialSuffix = ".commitpartial"

// sweepPartial removes marks of commits that are not there: their transactions
// were killed. The caller has the repo alone.
func (r *Repo) sweepPartial() error {
	marks, err := os.ReadDir(filepath.Join(r.path, "state"))
	errs := []error{err}
	for _, mark := range marks {
		hex, ok := strings.CutSuffix(mark.Name(), partialSuffix)
		if commit, err := ParseChecksum(hex); ok && err == nil && !r.has(objectName(commit, kindCommit)) {
			errs = append(errs, os.Remove(filepath.Join(r.path, "state", mark.Name())))
		}
	}
	return errors.Join(errs...)
}
