package hosttree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Sweep removes what a crash left of attempts to write these paths. Each directory
// is read once.
func (t *Tree) Sweep(paths ...string) error {
	wanted := map[string]map[string]bool{} // directory on disk -> beginnings of names
	for _, p := range paths {
		disk, err := t.Path(p)
		if err != nil {
			return err
		}
		dir := filepath.Dir(disk)
		if wanted[dir] == nil {
			wanted[dir] = map[string]bool{}
		}
		wanted[dir][tempPrefix(filepath.Base(disk))] = true
	}
	var errs []error
	for dir, prefixes := range wanted {
		errs = append(errs, sweepDir(dir, prefixes))
	}
	return errors.Join(errs...)
}

// sweepDir removes the leftovers with one of the prefixes.
func sweepDir(dir string, prefixes map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for leftovers: %w", err)
	}
	removed := false
	for _, entry := range entries {
		name := entry.Name()
		if len(name) <= randomLength || !prefixes[name[:len(name)-randomLength]] {
			continue
		}
		if err := removeIfThere(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing a leftover: %w", err)
		}
		removed = true
	}
	if removed {
		return syncPath(dir)
	}
	return nil
}
