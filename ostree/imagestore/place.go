package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/containers/image/v5/transports/alltransports"
	"github.com/containers/image/v5/types"
)

// place is where a push writes. What the destination was before, it is until publish;
// close leaves nothing else of ours there. Who is killed leaves a scratch directory,
// which the next push to the same place removes.
type place interface {
	// reference is what copy.Image writes to, and what it is asked about blobs.
	reference() types.ImageReference
	// publish makes what was written the destination's. It is durable after nil. After
	// an error the destination is what it was, or the new image, which is not durable yet.
	publish() error
	close() error
}

// openPlace prepares a destination that parseDestination has accepted.
func openPlace(ctx context.Context, to types.ImageReference) (place, error) {
	transport := to.Transport().Name()
	path, _ := splitPath(transport, to.StringWithinTransport())
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	switch transport {
	case "oci-archive", "docker-archive":
		return openArchive(to, path)
	case "oci":
		return openLayout(ctx, to, path)
	case "dir":
		return openDirectory(ctx, to, path)
	}
	return inPlace{to}, nil
}

// splitPath cuts the path from what follows the name of a file transport.
func splitPath(transport, text string) (path, name string) {
	if transport == "dir" {
		return text, ""
	}
	path, name, _ = strings.Cut(text, ":")
	return path, name
}

// elsewhere is a reference of the same kind and name with another path.
func elsewhere(to types.ImageReference, path string) (types.ImageReference, error) {
	transport := to.Transport().Name()
	if _, name := splitPath(transport, to.StringWithinTransport()); name != "" {
		path += ":" + name
	}
	return alltransports.ParseImageName(transport + ":" + path)
}

// checkPath says what is wrong with the path of a destination that is a file or a directory.
func checkPath(transport, path string) error {
	if path == "" {
		return ErrNoPath
	}
	if parent := filepath.Dir(filepath.Clean(path)); !isDir(parent) {
		return fmt.Errorf("there is no directory %s", parent)
	}
	info, err := os.Stat(path)
	switch archive := strings.HasSuffix(transport, "-archive"); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case archive && info.IsDir():
		return fmt.Errorf("%s is a directory, where a file is wanted", path)
	case !archive && !info.IsDir():
		return fmt.Errorf("%s is a file, where a directory is wanted", path)
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// inPlace is a place that cannot be lost: a registry keeps what it has until the
// manifest comes, and a pipe has nothing.
type inPlace struct{ to types.ImageReference }

func (p inPlace) reference() types.ImageReference { return p.to }

func (inPlace) publish() error { return nil }

func (inPlace) close() error { return nil }

// archive is a file. It is written in a scratch directory beside its place, and renamed.
type archive struct {
	to      types.ImageReference
	path    string
	scratch *scratch
	before  fs.FileInfo // nil: there was none
}

func openArchive(to types.ImageReference, path string) (place, error) {
	before, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = nil
	case err != nil:
		return nil, err
	case !before.Mode().IsRegular():
		return inPlace{to}, nil
	case before.Size() > 0 && to.Transport().Name() == "docker-archive":
		return nil, fmt.Errorf("%s is there already; a docker-archive may hold more images, and is not replaced", path)
	}
	s, err := sweptScratch(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	a := &archive{path: path, scratch: s, before: before}
	if a.to, err = elsewhere(to, a.staged()); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *archive) staged() string { return filepath.Join(a.scratch.dir, filepath.Base(a.path)) }

func (a *archive) reference() types.ImageReference { return a.to }

// publish gives the file the owner and the mode of the one that it replaces.
func (a *archive) publish() error {
	staged := a.staged()
	if a.before != nil {
		owner := a.before.Sys().(*syscall.Stat_t)
		if err := errors.Join(os.Chown(staged, int(owner.Uid), int(owner.Gid)), os.Chmod(staged, a.before.Mode())); err != nil {
			return err
		}
	}
	if err := syncPath(staged); err != nil {
		return err
	}
	if err := os.Rename(staged, a.path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(a.path))
}

func (a *archive) close() error { return a.scratch.close() }

// sweptScratch is newScratch, with what others abandoned beside it removed.
func sweptScratch(parent string) (*scratch, error) {
	s, err := newScratch(parent)
	if err != nil {
		return nil, err
	}
	if err := sweepScratch(filepath.Dir(s.dir)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// syncPath waits until a file or a directory is on the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
