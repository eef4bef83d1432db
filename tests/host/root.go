package host

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is the root file system of one machine: Debian's tree with layers over it, and a writable one on top.
type Root struct {
	// Dir is where the whole is mounted.
	Dir string

	state string   // the folder around it
	upper string   // what was written
	lower []string // what it was written over, the topmost first
	name  string   // of the machine that boots from it
}

// Root mounts a new root file system that is not booted. The layers are folders that look like /; what a later one
// has hides what an earlier one has.
func (l *Lab) Root(layers ...string) (*Root, error) {
	state, err := os.MkdirTemp(l.dir, "host-")
	if err != nil {
		return nil, err
	}
	r := &Root{
		Dir:   filepath.Join(state, "root"),
		state: state,
		upper: filepath.Join(state, "upper"),
		name:  machineName(state),
	}
	own := filepath.Join(state, "own")
	work := filepath.Join(state, "work")
	for _, dir := range []string{r.Dir, r.upper, own, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := copyLayer(own, newMachineID()); err != nil {
		return nil, err
	}
	r.lower = append(r.lower, own)
	for _, dir := range slices.Backward(layers) {
		r.lower = append(r.lower, dir)
	}
	r.lower = append(r.lower, l.tree)
	options := "lowerdir=" + strings.Join(r.lower, ":") + ",upperdir=" + r.upper + ",workdir=" + work
	if err := unix.Mount("overlay", r.Dir, "overlay", 0, options); err != nil {
		return nil, fmt.Errorf("mounting an overlay over %q: %w", r.lower, err)
	}
	return r, nil
}

// Close unmounts the root and removes what was written to it. The machine must be off.
func (r *Root) Close() error {
	if err := unmount(r.Dir); err != nil {
		return err
	}
	return os.RemoveAll(r.state)
}

// unmount is idempotent.
func unmount(dir string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unmounting %s: %w", dir, err)
	}
	return nil
}

func newMachineID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}
