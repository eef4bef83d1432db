package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Fault is an object that is not what its name says.
type Fault struct {
	// Object is the object's name in the repo: its checksum and its kind.
	Object string
	// Path is where the object stands in the tree of the commit that was being
	// walked; "" for the commit itself.
	Path string
	// Err says what is wrong with it; [fs.ErrNotExist] when it is missing.
	Err error
}

// Missing tells that there is no such object, where others are corrupted.
func (f Fault) Missing() bool { return errors.Is(f.Err, fs.ErrNotExist) }

// Walk visits the objects of commits. It looks at each of them once, however
// many commits and directories name it. The zero value is not usable; see
// [Repo.NewWalk].
type Walk struct {
	repo *Repo
	seen map[object]error // what is wrong with it
	file map[Checksum]uint64
	// Objects and Bytes count what was visited, as it is stored.
	Objects int
	Bytes   uint64
	faults  []Fault
	look    func(context.Context, object) error
}

// object names one object.
type object struct {
	kind C.OstreeObjectType
	sum  Checksum
}

// String is the name of the object's file in the repo, without its folder.
func (o object) String() string {
	return o.sum.String() + map[C.OstreeObjectType]string{
		C.OSTREE_OBJECT_TYPE_FILE: kindFile, C.OSTREE_OBJECT_TYPE_DIR_TREE: kindTree,
		C.OSTREE_OBJECT_TYPE_DIR_META: kindDirMeta, C.OSTREE_OBJECT_TYPE_COMMIT: kindCommit,
	}[o.kind]
}

// NewWalk begins a walk that has seen nothing.
func (r *Repo) NewWalk() *Walk {
	return &Walk{repo: r, seen: make(map[object]error), file: make(map[Checksum]uint64)}
}

// Verify reads every object that a commit reaches and that the walk has not
// visited, and compares it with its checksum, as ostree fsck does. What is wrong
// with any object of the commit comes as faults, also when an earlier commit had
// it; an error is that of the walk itself.
func (w *Walk) Verify(ctx context.Context, commit Checksum) ([]Fault, error) {
	w.faults, w.look = nil, w.verify
	err := w.commit(ctx, commit)
	return w.faults, err
}

// Measure adds what a commit reaches to the walk's counters, without reading any
// content. Objects that are missing count nothing.
func (w *Walk) Measure(ctx context.Context, commit Checksum) error {
	w.faults, w.look = nil, func(context.Context, object) error { return nil }
	return w.commit(ctx, commit)
}

// Files are the sound files that the walk visited, each with its size.
func (w *Walk) Files() map[Checksum]uint64 { return w.file }

// visit looks at one object and reports whether it is sound.
func (w *Walk) visit(ctx context.Context, o object, at string) (sound bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	fault, seen := w.seen[o]
	if !seen {
		var size uint64
		if size, fault = w.size(ctx, o); fault == nil {
			fault = w.look(ctx, o)
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		w.seen[o] = fault
		if fault == nil {
			w.Objects++
			w.Bytes += size
			if o.kind == C.OSTREE_OBJECT_TYPE_FILE {
				w.file[o.sum] = size
			}
		}
	}
	if fault != nil {
		w.faults = append(w.faults, Fault{Object: o.String(), Path: at, Err: fault})
	}
	return fault == nil, nil
}

func (w *Walk) size(ctx context.Context, o object) (uint64, error) {
	cancel, release := cancellable(ctx)
	defer release()
	hex := o.sum.hex()
	var size C.guint64
	var gerr *C.GError
	if C.ostree_repo_query_object_storage_size(w.repo.c, o.kind, hex.c(), &size, cancel, &gerr) == 0 {
		return 0, failure(gerr)
	}
	return uint64(size), nil
}

func (w *Walk) verify(ctx context.Context, o object) error {
	cancel, release := cancellable(ctx)
	defer release()
	hex := o.sum.hex()
	var gerr *C.GError
	if C.ostree_repo_fsck_object(w.repo.c, o.kind, hex.c(), cancel, &gerr) == 0 {
		return failure(gerr)
	}
	return nil
}

func (w *Walk) commit(ctx context.Context, sum Checksum) error {
	sound, err := w.visit(ctx, object{C.OSTREE_OBJECT_TYPE_COMMIT, sum}, "")
	if err != nil || !sound {
		return err
	}
	c, err := w.repo.LoadCommit(sum, keyNames)
	if err != nil {
		return err
	}
	list, err := parseNames(c.Value(keyNames))
	if err != nil {
		w.faults = append(w.faults, Fault{Object: object{C.OSTREE_OBJECT_TYPE_COMMIT, sum}.String(), Err: err})
	}
	return w.dir(ctx, dirName{content: c.root, meta: c.rootMeta}, "/", list)
}

// dir visits a directory and all below it, whose true names the list tells. A
// directory that cannot be read is a fault, and what is below it stays unknown.
func (w *Walk) dir(ctx context.Context, d dirName, at string, list *names) error {
	if _, err := w.visit(ctx, object{C.OSTREE_OBJECT_TYPE_DIR_META, d.meta}, at); err != nil {
		return err
	}
	o := object{C.OSTREE_OBJECT_TYPE_DIR_TREE, d.content}
	sound, err := w.visit(ctx, o, at)
	if err != nil || !sound {
		return err
	}
	tree, err := w.repo.loadTree(d.content)
	if err != nil {
		return err
	}
	if err := list.check(tree); err != nil {
		w.faults = append(w.faults, Fault{Object: o.String(), Path: at, Err: err})
	}
	for _, f := range tree.files {
		name, target := list.file(f.name)
		if err := w.fileOrLink(ctx, f.sum, path.Join(at, name), target); err != nil {
			return err
		}
	}
	for _, sub := range tree.dirs {
		name, below := list.dir(sub.name)
		if err := w.dir(ctx, sub, path.Join(at, name), below); err != nil {
			return err
		}
	}
	return nil
}

// fileOrLink visits a file; with a target, it has to be a symlink with the stand-in for it.
func (w *Walk) fileOrLink(ctx context.Context, sum Checksum, at, target string) error {
	o := object{C.OSTREE_OBJECT_TYPE_FILE, sum}
	sound, err := w.visit(ctx, o, at)
	if err != nil || !sound || target == "" {
		return err
	}
	f, err := w.repo.LoadFile(ctx, sum)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Target != targetStandIn(target) {
		w.faults = append(w.faults, Fault{Object: o.String(), Path: at, Err: fmt.Errorf("%w: a symlink has another target", errNames)})
	}
	return nil
}
