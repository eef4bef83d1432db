package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/containers/image/v5/types"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// openLayout is an OCI layout, which gets one image more.
func openLayout(ctx context.Context, to types.ImageReference, dir string) (place, error) {
	f, err := openFolder(ctx, dir, imgspec.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	staged, err := elsewhere(to, f.scratch.dir)
	if err == nil {
		err = f.copyTop()
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.to = reusing{staged, filepath.Join(dir, imgspec.ImageBlobsDir)}
	return f, nil
}

// copyTop lets what is written add to the index that there is.
func (f *folder) copyTop() error {
	text, err := readRegular(filepath.Join(f.dir, f.top))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.scratch.dir, f.top), text, 0o644)
}

// reusing is a reference to write to that knows where blobs are already.
type reusing struct {
	types.ImageReference
	blobs string
}

// NewImageDestination implements types.ImageReference.
func (r reusing) NewImageDestination(ctx context.Context, sys *types.SystemContext) (types.ImageDestination, error) {
	dest, err := r.ImageReference.NewImageDestination(ctx, sys)
	if err != nil {
		return nil, err
	}
	return reusingDestination{dest, r.blobs}, nil
}

type reusingDestination struct {
	types.ImageDestination
	blobs string
}

// TryReusingBlob implements types.ImageDestination. A file of another size is not the
// blob.
func (d reusingDestination) TryReusingBlob(ctx context.Context, blob types.BlobInfo, cache types.BlobInfoCache, substitute bool) (bool, types.BlobInfo, error) {
	if err := blob.Digest.Validate(); err != nil {
		return false, types.BlobInfo{}, err
	}
	info, err := os.Stat(filepath.Join(d.blobs, blob.Digest.Algorithm().String(), blob.Digest.Encoded()))
	if err == nil && info.Mode().IsRegular() && info.Size() == blob.Size {
		return true, blob, nil
	}
	return d.ImageDestination.TryReusingBlob(ctx, blob, cache, substitute)
}

// versionFile says that a directory is one of the transport dir.
const (
	versionFile   = "version"
	versionPrefix = "Directory Transport Version: "
)

// ofDirectory are the names in such a directory.
const ofDirectory = `^([0-9a-f]{64}|([0-9a-f]{64}\.)?manifest\.json|([0-9a-f]{64}-)?signature-[0-9]+|dir-put-blob[0-9]+)$`

// openDirectory is a directory that holds one image, which is replaced.
func openDirectory(ctx context.Context, to types.ImageReference, dir string) (place, error) {
	f, err := openFolder(ctx, dir, "manifest.json")
	if err != nil {
		return nil, err
	}
	f.mark, f.own = versionFile, regexp.MustCompile(ofDirectory)
	f.to, err = elsewhere(to, f.scratch.dir)
	if err = errors.Join(err, f.checkImage()); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// checkImage is an error when there is something else than an image in the directory.
func (f *folder) checkImage() error {
	version, err := readRegular(filepath.Join(f.dir, versionFile))
	if err == nil && strings.HasPrefix(string(version), versionPrefix) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	if len(entries) > 1 { // the scratch directory is one
		return fmt.Errorf("%s is neither empty nor a directory of an image; what is in there is not overwritten", f.dir)
	}
	return nil
}
