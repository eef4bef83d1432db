package imagestore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		errs = append(errs, os.RemoveAll(old))
	}
	return errors.Join(errs...)
}
