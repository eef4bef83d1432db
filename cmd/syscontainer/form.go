package main

import (
	"cmp"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// references are what can be written for the images in a file or a directory; none for a directory
// that holds no image, or for what is not there. A file is taken for an archive, of either kind.
func references(path string) []string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case info.Mode().IsRegular():
		return []string{"oci-archive:" + path, "docker-archive:" + path}
	case exists(filepath.Join(path, "oci-layout")):
		return layoutReferences(path)
	case exists(filepath.Join(path, "manifest.json")) && exists(filepath.Join(path, "version")):
		return []string{"dir:" + path}
	}
	return nil
}

// layoutReferences are the references of an OCI layout. One with a single image needs no name.
func layoutReferences(path string) []string {
	images := imagesOf(path)
	if len(images) < 2 {
		return []string{"oci:" + path}
	}
	var list []string
	for _, image := range images {
		if name := image.Annotations[imgspec.AnnotationRefName]; name != "" {
			list = append(list, "oci:"+path+":"+name)
		}
	}
	return list
}

// maxIndex is more than any index of images has bytes.
const maxIndex = 4 << 20

// imagesOf lists the images of an OCI layout; none where that cannot be known.
func imagesOf(layout string) []imgspec.Descriptor {
	file, err := os.OpenFile(filepath.Join(layout, imgspec.ImageIndexFile), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	var index imgspec.Index
	if json.NewDecoder(io.LimitReader(file, maxIndex)).Decode(&index) != nil {
		return nil
	}
	return index.Manifests
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mistaken is the path in a reference that names a directory where its transport reads a file, or a
// file where it reads a directory, or that leaves open which image is meant; "" in any other.
func mistaken(reference string) string {
	transport, path, _ := strings.Cut(reference, ":")
	name := ""
	switch transport {
	case "dir":
	case "oci", "oci-archive", "docker-archive":
		path, name, _ = strings.Cut(path, ":")
	default:
		return ""
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return ""
	case info.IsDir() == strings.HasSuffix(transport, "-archive"):
		return path
	case transport == "oci" && name == "" && len(references(path)) > 1:
		return path
	}
	return ""
}

// adviseForm adds to an error about what was given without a transport, or with one that does not do,
// what is to be written.
func adviseForm(err error, given string) error {
	path := cmp.Or(mistaken(given), given)
	forms := references(path)
	switch {
	case len(forms) > 0:
		return hint.Add(err, "for the image in %s, write %s", path, strings.Join(forms, " or "))
	case imagestore.IsPath(path) && exists(path):
		return hint.Add(err, "there is no image in %s", path)
	case imagestore.IsPath(path):
		return hint.Add(err, "there is no %s", path)
	}
	return err
}

// advisePulling adds to an error about what is not in the store how it gets there.
func advisePulling(err error, forms []string) error {
	return hint.Add(err, "to bring the image into the store: syscontainer pull %s", strings.Join(forms, "\nor: syscontainer pull "))
}
