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

// indexes are the files by which images are found in archives and directories, by transport.
var indexes = map[string]string{
	"oci":            "index.json",
	"oci-archive":    "index.json",
	"docker-archive": "manifest.json",
}

// explainForm says of a file or directory that cannot be opened as an image what is wrong with it: the
// library speaks of copies that it made. Any other error stays.
func explainForm(ref types.ImageReference, err error) error {
	transport := ref.Transport().Name()
	path, _ := splitPath(transport, ref.StringWithinTransport())
	if _, serr := os.Stat(path); indexes[transport] == "" || serr != nil {
		return err
	}
	switch {
	case strings.HasSuffix(transport, "archive") && isNoTar(err):
		return fmt.Errorf("%w: %s is no tar archive, or ends too early", ErrForm, path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no %s in %s", ErrForm, indexes[transport], path)
	}
	return err
}

func isNoTar(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, tar.ErrHeader)
}
