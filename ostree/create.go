package ostree

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ostreedev/ostree-go/pkg/otbuiltin"
	"golang.org/x/sys/unix"
)

// nameless is where a repo is, beside its path, while it is being made or removed.
func nameless(path string) string { return namelessPrefix(path) + rand.Text() }

func namelessPrefix(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-")
}

// Create makes an empty repo of mode bare at path, whose parent must exist. A
// repo that is there already stays as it is. Nobody meets half of one, also when
// several create it at once and after a power cut.
func Create(path string) error {
	if _, err := os.Stat(filepath.Join(path, "objects")); err == nil {
		return nil // ostree-go's Init never frees the repo that it opens
	}
	made := nameless(path)
	err := errors.Join(initialize(made), settle(made))
	if err == nil && unix.Rename(made, path) == nil {
		return nil
	}
	// Another was faster, or the path is a mount point: the parent's error counts
	// less than that of the path itself.
	if err := errors.Join(os.RemoveAll(made), initialize(path)); err != nil {
		return fmt.Errorf("creating the repo %q: %w", path, err)
	}
	return nil
}

// initialize makes a repo or what is missing of one.
func initialize(path string) error {
	if err := load(); err != nil {
		return err
	}
	if _, err := otbuiltin.Init(path, otbuiltin.NewInitOptions()); err != nil {
		return errors.New(sourcePrefix.ReplaceAllString(err.Error(), ""))
	}
	return nil
}

// sourcePrefix is the source file and line that ostree-go prepends.
var sourcePrefix = regexp.MustCompile(`^\S+\.go:\d+ - `)

// settle makes a new repo durable before it gets its name.
func settle(path string) error {
	for _, name := range []string{"config", "."} {
		f, err := os.Open(filepath.Join(path, name))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a repo, or what a killed process left of one. Its path is free
// at once, so that nobody meets half of a repo there. The caller sees to it that
// nobody creates or uses the repo meanwhile.
func Remove(path string) error {
	if err := os.Rename(path, nameless(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the repo: %w", err)
	}
	return Sweep(path)
}

// Sweep removes what killed processes left beside the repo. The caller sees to
// it that nobody creates or removes a repo there meanwhile.
func Sweep(path string) error {
	list, err := os.ReadDir(filepath.Dir(path))
	errs := []error{err}
	for _, entry := range list {
		left := filepath.Join(filepath.Dir(path), entry.Name())
		if strings.HasPrefix(left, namelessPrefix(path)) {
			errs = append(errs, removeTree(left))
		}
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
