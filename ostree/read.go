package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"fmt"
	"os"
)

// File is a content object: a regular file or a symlink.
type File struct {
	Meta
	// Size is the length of a regular file's content.
	Size int64
	// Target is where a symlink points.
	Target string
	// Content is the open content of a regular file, for the caller to close;
	// nil for a symlink.
	Content *os.File
}

// LoadFile opens a content object.
func (r *Repo) LoadFile(ctx context.Context, sum Checksum) (*File, error) {
	cancel, release := cancellable(ctx)
	defer release()
	hex := sum.hex()
	var f C.SyscFile
	var gerr *C.GError
	if C.sysc_load_file(r.c, hex.c(), &f, cancel, &gerr) == 0 {
		return nil, wrap(fmt.Sprintf("loading file %s", sum), failure(gerr))
	}
	file := &File{
		Meta: Meta{UID: uint32(f.uid), GID: uint32(f.gid), Mode: uint32(f.mode)},
		Size: int64(f.size),
	}
	if f.target != nil {
		file.Target = takeString(f.target)
	}
	if f.fd >= 0 {
		file.Content = os.NewFile(uintptr(f.fd), sum.String())
	}
	var err error
	if file.Xattrs, err = parseXattrs(takeBytes(f.xattrs)); err != nil {
		file.Close()
		return nil, wrap(fmt.Sprintf("loading file %s", sum), err)
	}
	return file, nil
}

// Close closes the content, if there is any.
func (f *File) Close() error {
	if f.Content == nil {
		return nil
	}
	return f.Content.Close()
}

// LoadDirMeta reads a directory's metadata.
func (r *Repo) LoadDirMeta(sum Checksum) (Meta, error) {
	data, err := r.loadMetadata(C.OSTREE_OBJECT_TYPE_DIR_META, sum)
	if err != nil {
		return Meta{}, err
	}
	return parseDirMeta(data)
}

func (r *Repo) loadMetadata(kind C.OstreeObjectType, sum Checksum) ([]byte, error) {
	hex := sum.hex()
	var gerr *C.GError
	b := C.sysc_load_metadata(r.c, kind, hex.c(), &gerr)
	if b == nil {
		return nil, wrap(fmt.Sprintf("loading metadata %s", sum), failure(gerr))
	}
	return takeBytes(b), nil
}

// Commit is what a commit object says, besides its tree's content.
type Commit struct {
	root, rootMeta Checksum
	values         map[string][]byte
}

// Value is the commit's metadata under a key that LoadCommit was asked for; nil
// when it has none.
func (c *Commit) Value(key string) []byte { return c.values[key] }

// LoadCommit reads a commit and the named metadata values of type ay.
func (r *Repo) LoadCommit(sum Checksum, keys ...string) (*Commit, error) {
	hex := sum.hex()
	var gerr *C.GError
	var object *C.GVariant
	if C.ostree_repo_load_commit(r.c, hex.c(), &object, nil, &gerr) == 0 {
		return nil, wrap(fmt.Sprintf("loading commit %s", sum), failure(gerr))
	}
	defer C.g_variant_unref(object)
	c := &Commit{values: make(map[string][]byte)}
	if len(c.root) != copy(c.root[:], takeBytes(C.sysc_commit_sum(object, 6))) ||
		len(c.rootMeta) != copy(c.rootMeta[:], takeBytes(C.sysc_commit_sum(object, 7))) {
		return nil, wrap(fmt.Sprintf("loading commit %s", sum), errMalformed)
	}
	for _, key := range keys {
		if value := commitValue(object, key); value != nil {
			c.values[key] = value
		}
	}
	return c, nil
}

func commitValue(commit *C.GVariant, key string) []byte {
	cKey := cString(key)
	defer free(cKey)
	return takeBytes(C.sysc_commit_value(commit, cKey))
}
