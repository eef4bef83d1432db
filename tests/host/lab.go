// Package host makes throw-away machines for end-to-end tests: Debian with a real systemd as PID 1 in a
// systemd-nspawn container, booted in less than a second, any number at once, without a way out to the network.
//
// It knows Debian, nspawn and overlayfs. It knows nothing of the product: what is to be tested comes in as layers
// over Debian's tree. It does not know the testing package either; that is package hosttest's.
package host

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// layer is what every machine of a lab has over Debian's tree.
//
//go:embed all:layer
var layer embed.FS

// Lab is a place where machines are made. Its folder holds all that they write, and goes away with Close, or when a
// later Lab finds that its process died.
type Lab struct {
	cache string // what is kept from run to run
	dir   string // of this lab alone
	tree  string // Debian's root file system; never written
	free  func() // gives back the lock that says that dir is in use
}

// Open prepares a lab below the folder cache, which must be on a file system that overlayfs can write to. The first
// call for a suite takes about half a minute. The machines have more packages of Debian if more names them.
func Open(ctx context.Context, cache string, suite Suite, more ...string) (*Lab, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	runs := filepath.Join(cache, "run")
	if err := os.MkdirAll(runs, 0o755); err != nil {
		return nil, err
	}
	if err := sweep(runs); err != nil {
		return nil, fmt.Errorf("clearing away what an earlier run left: %w", err)
	}
	tree, err := buildTree(ctx, cache, suite, more)
	if err != nil {
		return nil, err
	}
	dir, free, err := claim(runs)
	if err != nil {
		return nil, err
	}
	return &Lab{cache: cache, dir: dir, tree: tree, free: free}, nil
}

// Close removes the lab's folder. Its machines must be closed before.
func (l *Lab) Close() error {
	defer l.free()
	return clear(l.dir)
}

// TempDir returns a new folder of the lab.
func (l *Lab) TempDir() (string, error) { return os.MkdirTemp(l.dir, "tmp-") }

// Build returns the folder cache/kind/key, which make fills when it is not there yet. Such a folder is kept from run
// to run, so the key must change whenever the contents would.
func (l *Lab) Build(kind, key string, build func(dir string) error) (string, error) {
	dir := filepath.Join(l.cache, kind, key)
	return dir, makeOnce(dir, build)
}

// claim makes a folder whose lock file says that its process is alive.
func claim(runs string) (dir string, free func(), err error) {
	unlock, err := lock(filepath.Join(runs, ".lock"))
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	dir, err = os.MkdirTemp(runs, "")
	if err != nil {
		return "", nil, err
	}
	free, err = lock(filepath.Join(dir, "lock"))
	return dir, free, err
}

// sweep clears away the folders whose processes are gone.
func sweep(runs string) error {
	unlock, err := lock(filepath.Join(runs, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	labs, err := filepath.Glob(filepath.Join(runs, "*", "lock"))
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range labs {
		if !abandoned(name) {
			continue
		}
		problems = append(problems, clear(filepath.Dir(name)))
	}
	return errors.Join(problems...)
}

func abandoned(lockFile string) bool {
	f, err := os.Open(lockFile)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// clear ends the machines of a lab that are still there, takes their mounts away and removes the lab.
func clear(lab string) error {
	machines, err := filepath.Glob(filepath.Join(lab, "host-*"))
	if err != nil {
		return err
	}
	var problems []error
	for _, dir := range machines {
		problems = append(problems, removeCgroup(machineName(dir)), unmount(filepath.Join(dir, "root")))
	}
	if err := errors.Join(problems...); err != nil {
		return err // and leave the files of what is still mounted alone
	}
	return os.RemoveAll(lab)
}

// machineName is the name of the machine in dir, the same on every machine that looks at it.
func machineName(dir string) string {
	return "sc-" + filepath.Base(filepath.Dir(dir)) + "-" + strings.TrimPrefix(filepath.Base(dir), "host-")
}

// copyLayer writes the files that every machine has, and an identity of its own, into dir.
func copyLayer(dir, machineID string) error {
	files, err := fs.Sub(layer, "layer")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "etc/machine-id"), []byte(machineID+"\n"), 0o444)
}

// until calls probe every few milliseconds until it says true, fails, or the context ends.
func until(ctx context.Context, what string, probe func() (bool, error)) error {
	for {
		done, err := probe()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// tail returns the end of a log, for an error message.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-4096), io.SeekStart)
	}
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(string(text))
}
