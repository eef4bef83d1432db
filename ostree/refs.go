package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// beingWritten is the name that libostree gives to a ref before the ref's own. No
// ref of a name like that can be told from it.
var beingWritten = regexp.MustCompile(`^tmp\.[A-Za-z0-9]{6}$`)

// Refs lists the refs whose name begins with prefix, each with its commit. Refs
// may be written and deleted meanwhile.
func (r *Repo) Refs(ctx context.Context, prefix string) (map[string]Checksum, error) {
	const tries = 1000
	var lines string
	for n := 0; ; n++ {
		var err error
		if lines, err = r.listRefs(ctx); err == nil {
			break
		}
		// libostree fails on what is gone between its listing and its reading.
		if !errors.Is(err, fs.ErrNotExist) || n == tries {
			return nil, wrap("listing refs", err)
		}
	}
	refs := make(map[string]Checksum)
	for line := range strings.Lines(lines) {
		name, hex, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !strings.HasPrefix(name, prefix) || beingWritten.MatchString(path.Base(name)) {
			continue
		}
		sum, err := ParseChecksum(hex)
		if err != nil {
			return nil, wrap(fmt.Sprintf("listing ref %q", name), err)
		}
		refs[name] = sum
	}
	return refs, nil
}

// sweepRefs removes refs that never got their own name: libostree's prune would keep
// what they point to. The caller has the repo alone.
func (r *Repo) sweepRefs() error {
	return filepath.WalkDir(filepath.Join(r.path, "refs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !beingWritten.MatchString(entry.Name()) {
			return err
		}
		return os.Remove(path)
	})
}

// listRefs is a line for each ref.
func (r *Repo) listRefs(ctx context.Context) (string, error) {
	cancel, release := cancellable(ctx)
	defer release()
	var gerr *C.GError
	lines := C.sysc_list_refs(r.c, cancel, &gerr)
	if lines == nil {
		return "", failure(gerr)
	}
	return takeString(lines), nil
}
