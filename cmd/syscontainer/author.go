package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// subject is what the author of an image wants to know about: an image of the
// store, or a directory that is to become one.
type subject struct {
	given string
	files fs.FS
	image *deployment.Image // nil for a directory
}

// preview renders it for a sample host. An image that is given by its ID is called as
// its reference says.
func (s subject) preview(req deployment.Request) (*deployment.Preview, error) {
	if s.image == nil {
		return deployment.RenderDirectory(s.files, req)
	}
	if req.Name == "" {
		req.Name = deployment.DefaultName(s.image.Reference)
	}
	return deployment.Render(*s.image, s.files, req)
}

// withSubject runs do with what the only argument names: a directory, where there is
// one of that name, or an image of the store. Nothing is pulled.
func withSubject(c *cli.Context, do func(subject) error) error {
	given, err := oneArgument(c, "DIR or IMAGE")
	if err != nil {
		return err
	}
	info, err := os.Stat(given)
	if err == nil && info.IsDir() && (exists(filepath.Join(given, "exports")) || len(references(given)) == 0) {
		return withDirectory(given, do)
	}
	if imagestore.IsPath(given) {
		return notSubject(given, err)
	}
	return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
		image, err := installer.Images.Find(ctx, given)
		if errors.Is(err, imagestore.ErrNotFound) {
			if forms := references(given); len(forms) > 0 {
				return advisePulling(err, forms)
			}
			return hint.Add(err, "there is no directory of that name either; to bring the image into the store: syscontainer pull %s", given)
		}
		if err != nil {
			return err
		}
		files, err := installer.Images.Files(ctx, image.Commit)
		if err != nil {
			return err
		}
		defer files.Close()
		return do(subject{given: given, files: files, image: &image})
	})
}

// notSubject says why a path leads to nothing that withSubject takes; err is that of looking there.
func notSubject(given string, err error) error {
	if err != nil {
		return fmt.Errorf("opening %s: %w", given, errors.Unwrap(err))
	}
	err = fmt.Errorf("opening %s: it is neither a directory with the files of an image nor an image of the store", given)
	if forms := references(given); len(forms) > 0 {
		return advisePulling(err, forms)
	}
	return err
}

// withDirectory is withSubject for the root of an image or a folder with exports in
// it. For the folder exports itself, it is the one above. Links lead nowhere else.
func withDirectory(given string, do func(subject) error) error {
	dir, err := filepath.Abs(given)
	if err != nil {
		return fmt.Errorf("opening %s: %w", given, err)
	}
	if filepath.Base(dir) == "exports" {
		dir = filepath.Dir(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", given, err)
	}
	defer root.Close()
	return do(subject{given: dir, files: directory{root.FS().(rootFS), root}})
}

// rootFS is what an os.Root offers, but for reading a file at once.
type rootFS interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
}

// directory is a directory as an image would hold it: there are no fifos or devices,
// whose reading might never end.
type directory struct {
	rootFS
	root *os.Root
}

// Open implements fs.FS.
func (d directory) Open(name string) (fs.File, error) {
	file, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("neither a file nor a directory")}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
