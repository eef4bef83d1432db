package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TakeObject moves an object of another repo on the same file system, such as
// HEX.file, to the place that it has in this one, in which it may be missing or
// damaged. It is moved when it is sound, atomically and durably; an [fs.ErrNotExist]
// when the other repo does not have it. Files that are hard links to what was in its
// place stay as they are.
func (r *Repo) TakeObject(ctx context.Context, from *Repo, name string) error {
	o, err := parseObject(name)
	if err != nil {
		return err
	}
	if err := from.NewWalk().verify(ctx, o); err != nil {
		return wrap(fmt.Sprintf("taking object %s", name), err)
	}
	// The content first: a power cut must not leave the name without it.
	if err := from.sync(); err != nil {
		return err
	}
	target := r.objectPath(o)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := os.Rename(from.objectPath(o), target); err != nil {
		return wrap(fmt.Sprintf("taking object %s", name), err)
	}
	return r.sync()
}

// objectPath is where an object of a bare repo is.
func (r *Repo) objectPath(o object) string {
	name := o.String()
	return filepath.Join(r.path, "objects", name[:2], name[2:])
}

// parseObject reads what object.String wrote.
func parseObject(name string) (object, error) {
	hex, suffix, _ := strings.Cut(name, ".")
	sum, err := ParseChecksum(hex)
	if err != nil {
		return object{}, err
	}
	for _, kind := range []C.OstreeObjectType{
		C.OSTREE_OBJECT_TYPE_FILE, C.OSTREE_OBJECT_TYPE_DIR_TREE, C.OSTREE_OBJECT_TYPE_DIR_META, C.OSTREE_OBJECT_TYPE_COMMIT,
	} {
		if o := (object{kind, sum}); strings.HasSuffix(o.String(), "."+suffix) {
			return o, nil
		}
	}
	return object{}, fmt.Errorf("reading the name of an object: %q: %w", name, fs.ErrInvalid)
}
