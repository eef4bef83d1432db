package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/containers/image/v5/types"
)

// folder is a directory with blobs, whose names are their digests, and one file that
// makes an image of them. The image is written in a scratch directory inside. Then the
// blobs move, and at last that file, which is the moment when the image changes.
//
// Pushes to one folder wait for each other: each adds to what the last one left.
type folder struct {
	to      types.ImageReference
	dir     string
	top     string // the file that makes the image
	mark    string // the file by which the directory is known to be an image's; "" when it needs none
	made    bool   // by us
	lock    *os.File
	scratch *scratch
	placed  []string       // paths that were not there before
	own     *regexp.Regexp // names that go when the new image does not have them; nil is none
}

// openFolder makes the directory if it is not there, takes its lock and a scratch
// directory in it.
func openFolder(ctx context.Context, dir, top string) (*folder, error) {
	f := &folder{dir: dir, top: top}
	if err := f.claim(ctx); err != nil {
		return nil, err
	}
	var err error
	if f.scratch, err = sweptScratch(dir); err != nil {
		return nil, errors.Join(err, f.leave())
	}
	return f, nil
}

// claim makes the directory and takes its lock, for which it waits.
func (f *folder) claim(ctx context.Context) error {
	for {
		switch err := os.Mkdir(f.dir, 0o755); {
		case err == nil:
			f.made = true
		case !errors.Is(err, fs.ErrExist):
			return err
		}
		var err error
		if f.lock, err = holdDir(f.dir); f.lock != nil {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is gone, with the push that made it
			return fmt.Errorf("locking %s: %w", f.dir, err)
		}
		f.made = false
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for others that push to %s: %w", f.dir, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (f *folder) reference() types.ImageReference { return f.to }

// close removes what is unfinished, and the directory if nothing came of it.
func (f *folder) close() error { return errors.Join(f.scratch.close(), f.leave()) }

func (f *folder) leave() error {
	if f.made {
		_ = os.Remove(f.dir) // which keeps what is not empty
	}
	return f.lock.Close()
}

func (f *folder) publish() error {
	names, err := f.staged()
	if err != nil {
		return err
	}
	if err := f.place(names); err != nil {
		f.undo()
		return err
	}
	return errors.Join(syncPath(f.dir), f.removeStale(append(names, f.top)))
}

// place moves what was written to its place; the image is there after nil. The mark is durable before the rest comes: by
// it the next push knows what an interrupted one left.
func (f *folder) place(names []string) error {
	if f.mark != "" {
		if err := errors.Join(f.move(f.mark), syncPath(f.dir)); err != nil {
			return err
		}
	}
	dirs := map[string]bool{f.dir: true, filepath.Dir(f.dir): true}
	for _, name := range names {
		if err := f.move(name); err != nil {
			return err
		}
		dirs[filepath.Dir(filepath.Join(f.dir, name))] = true
	}
	for dir := range dirs {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	return f.move(f.top)
}

// staged are the files that were written, without the mark and the top.
func (f *folder) staged() (names []string, err error) {
	err = fs.WalkDir(os.DirFS(f.scratch.dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && name != f.mark && name != f.top {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// move moves one file, which is on the disk then.
func (f *folder) move(name string) error {
	from, to := filepath.Join(f.scratch.dir, name), filepath.Join(f.dir, name)
	if err := syncPath(from); err != nil {
		return err
	}
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		f.placed = append(f.placed, to) // before its directories are made, which go with it
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// undo removes what was placed, the mark as the last. A blob that was there before has the same content now.
func (f *folder) undo() {
	for _, path := range slices.Backward(f.placed) {
		_ = os.Remove(path)
		for at := filepath.Dir(path); f.made && at != f.dir; at = filepath.Dir(at) {
			_ = os.Remove(at)
		}
	}
}

// removeStale removes what an image before this one left.
func (f *folder) removeStale(names []string) error {
	if f.own == nil {
		return nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if f.own.MatchString(entry.Name()) && !slices.Contains(names, entry.Name()) {
			if err := os.Remove(filepath.Join(f.dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
