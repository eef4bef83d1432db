// Package ociimage writes small images for tests: an OCI layout on disk, made from the files it is given.
package ociimage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Files are the regular files of a layer: path without a leading slash -> text. Folders come with them.
type Files map[string]string

// Config is a configuration with what docker adds to that of the specification.
type Config struct {
	imgspec.ImageConfig
	Healthcheck any
}

// Write makes the OCI layout dir with one image, tagged latest: a layer for each element of layers. Files below a
// folder called bin are executable. The config is the specification's or a Config.
func Write(dir string, config any, layers ...Files) error {
	w := writer{dir: dir}
	image := struct {
		imgspec.Platform
		Config any            `json:"config"`
		RootFS imgspec.RootFS `json:"rootfs"`
	}{
		imgspec.Platform{Architecture: runtime.GOARCH, OS: "linux"}, config, imgspec.RootFS{Type: "layers"},
	}
	manifest := imgspec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest}
	for _, files := range layers {
		archive := w.archive(files)
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(archive))
		manifest.Layers = append(manifest.Layers, w.blob(imgspec.MediaTypeImageLayerGzip, w.compress(archive)))
	}
	manifest.Config = w.json(imgspec.MediaTypeImageConfig, image)
	w.index(manifest)
	return w.err
}

// index writes the files of the layout beside its blobs: it has one image, tagged latest.
func (w *writer) index(manifest imgspec.Manifest) {
	top := w.json(imgspec.MediaTypeImageManifest, manifest)
	top.Annotations = map[string]string{imgspec.AnnotationRefName: "latest"}
	w.file(imgspec.ImageIndexFile, w.marshal(imgspec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: imgspec.MediaTypeImageIndex,
		Manifests: []imgspec.Descriptor{top},
	}))
	w.file(imgspec.ImageLayoutFile, w.marshal(imgspec.ImageLayout{Version: imgspec.ImageLayoutVersion}))
}

// writer keeps the first error; nothing is done after it.
type writer struct {
	dir string
	err error
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) file(name string, data []byte) {
	if w.err != nil {
		return
	}
	path := filepath.Join(w.dir, name)
	w.keep(os.MkdirAll(filepath.Dir(path), 0o755))
	w.keep(os.WriteFile(path, data, 0o644))
}

func (w *writer) blob(mediaType string, data []byte) imgspec.Descriptor {
	sum := digest.FromBytes(data)
	w.file(filepath.Join(imgspec.ImageBlobsDir, sum.Algorithm().String(), sum.Encoded()), data)
	return imgspec.Descriptor{MediaType: mediaType, Digest: sum, Size: int64(len(data))}
}

func (w *writer) marshal(value any) []byte {
	data, err := json.Marshal(value)
	w.keep(err)
	return data
}

func (w *writer) json(mediaType string, value any) imgspec.Descriptor {
	return w.blob(mediaType, w.marshal(value))
}

func (w *writer) compress(data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(data)
	w.keep(err)
	w.keep(z.Close())
	return out.Bytes()
}

func (w *writer) archive(files Files) []byte {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	folders := map[string]bool{".": true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w.folders(t, filepath.Dir(name), folders)
		mode := int64(0o644)
		if strings.HasSuffix(filepath.Dir(name), "bin") {
			mode = 0o755
		}
		w.keep(t.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(files[name]))}))
		_, err := t.Write([]byte(files[name]))
		w.keep(err)
	}
	w.keep(t.Close())
	return out.Bytes()
}

// folders writes dir and what it lies in, each once.
func (w *writer) folders(t *tar.Writer, dir string, done map[string]bool) {
	if done[dir] {
		return
	}
	done[dir] = true
	w.folders(t, filepath.Dir(dir), done)
	w.keep(t.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}))
}
