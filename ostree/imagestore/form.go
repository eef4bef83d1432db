package imagestore

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/containers/image/v5/types"
)

// index is the file by which an image of a transport is found in its archive or directory.
var index = map[string]string{
	"oci":            "index.json",
	"oci-archive":    "index.json",
	"docker-archive": "manifest.json",
}

// explainForm says of a file or directory that cannot be opened as an image what is wrong with it: the
// library speaks of copies that it made. Any other error stays.
func explainForm(ref types.ImageReference, err error) error {
	transport := ref.Transport().Name()
	path, _ := splitPath(transport, ref.StringWithinTransport())
	if _, serr := os.Stat(path); index[transport] == "" || serr != nil {
		return err
	}
	switch {
	case strings.HasSuffix(transport, "archive") && isNoTar(err):
		return fmt.Errorf("%w: %s is no tar archive, or ends too early", ErrForm, path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no %s in %s", ErrForm, index[transport], path)
	}
	return err
}

func isNoTar(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, tar.ErrHeader)
}
