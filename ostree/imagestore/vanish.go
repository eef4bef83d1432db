package imagestore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// vanish removes a repo. Its path is free at once, so that nobody meets half of
// a repo there, or makes a new one where an old one is still being removed. What
// a killed process left half removed goes, too.
func vanish(repo string) error {
	const prefix = ".removed-"
	dir := filepath.Dir(repo)
	if err := os.Rename(repo, filepath.Join(dir, prefix+rand.Text())); err != nil {
		return fmt.Errorf("removing the repo: %w", err)
	}
	list, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	errs := []error{err}
	for _, old := range list {
		errs = append(errs, removeTree(old))
	}
	return errors.Join(errs...)
}

// removeTree removes a tree in which others may still make a file: libostree does
// so when it opens a repo, and these opened it before it was moved away.
func removeTree(dir string) error {
	const attempts = 100
	var err error
	for range attempts {
		if err = os.RemoveAll(dir); !errors.Is(err, unix.ENOTEMPTY) {
			break
		}
	}
	return err
}
