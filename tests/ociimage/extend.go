package ociimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Extend makes the OCI layout dir with the image that base has under tag, with one more layer on top. It is tagged
// latest.
func Extend(dir, base, tag string, files Files) error {
	var index imgspec.Index
	if err := read(filepath.Join(base, imgspec.ImageIndexFile), &index); err != nil {
		return err
	}
	for _, top := range index.Manifests {
		if top.Annotations[imgspec.AnnotationRefName] == tag {
			return extend(dir, base, top.Digest, files)
		}
	}
	return fmt.Errorf("the layout %s has no %q", base, tag)
}

func extend(dir, base string, top digest.Digest, files Files) error {
	var manifest imgspec.Manifest
	if err := read(blobPath(base, top), &manifest); err != nil {
		return err
	}
	var config imgspec.Image
	if err := read(blobPath(base, manifest.Config.Digest), &config); err != nil {
		return err
	}
	w := writer{dir: dir}
	for _, layer := range manifest.Layers {
		data, err := os.ReadFile(blobPath(base, layer.Digest))
		w.keep(err)
		w.blob(layer.MediaType, data)
	}
	archive := w.archive(files)
	config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(archive))
	config.History = nil // it has to have a line for each layer, or none
	manifest.Layers = append(manifest.Layers, w.blob(imgspec.MediaTypeImageLayerGzip, w.compress(archive)))
	manifest.Config = w.json(imgspec.MediaTypeImageConfig, config)
	w.index(manifest)
	return w.err
}

func blobPath(layout string, sum digest.Digest) string {
	return filepath.Join(layout, imgspec.ImageBlobsDir, sum.Algorithm().String(), sum.Encoded())
}

func read(file string, into any) error {
	data, err := os.ReadFile(file)
	return errors.Join(err, json.Unmarshal(data, into))
}
