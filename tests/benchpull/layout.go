package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

const tag = "latest"

// layoutWriter streams an image into an OCI layout: these are too large for memory.
type layoutWriter struct {
	dir      string
	manifest imgspec.Manifest
	diffIDs  []digest.Digest
	about    made
}

// layer appends a layer, compressed as skopeo and buildah compress.
func (w *layoutWriter) layer(ctx context.Context, l layer, debs string) (err error) {
	blobs := filepath.Join(w.dir, imgspec.ImageBlobsDir, "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(blobs, "")
	if err != nil {
		return err
	}
	defer f.Close()
	packed, plain := sha256.New(), sha256.New()
	z := gzip.NewWriter(io.MultiWriter(f, packed))
	archive := archiveWriter{tar: tar.NewWriter(io.MultiWriter(z, plain)), dirs: make(map[string]bool), about: &w.about}
	if err := errors.Join(archive.write(ctx, l, debs), archive.tar.Close(), z.Close()); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	sum := digest.NewDigest(digest.SHA256, packed)
	w.diffIDs = append(w.diffIDs, digest.NewDigest(digest.SHA256, plain))
	w.manifest.Layers = append(w.manifest.Layers, imgspec.Descriptor{MediaType: imgspec.MediaTypeImageLayerGzip, Digest: sum, Size: size})
	w.about.Blobs = append(w.about.Blobs, filepath.Join(imgspec.ImageBlobsDir, "sha256", sum.Encoded()))
	return errors.Join(f.Chmod(0o644), os.Rename(f.Name(), filepath.Join(blobs, sum.Encoded())))
}

// finish writes what is beside the layers.
func (w *layoutWriter) finish() error {
	config, err := w.blob(imgspec.MediaTypeImageConfig, imgspec.Image{
		Platform: imgspec.Platform{Architecture: runtime.GOARCH, OS: "linux"},
		Config:   imgspec.ImageConfig{Cmd: []string{"/bin/sh"}},
		RootFS:   imgspec.RootFS{Type: "layers", DiffIDs: w.diffIDs},
	})
	if err != nil {
		return err
	}
	w.manifest.Versioned, w.manifest.MediaType, w.manifest.Config = specs.Versioned{SchemaVersion: 2}, imgspec.MediaTypeImageManifest, config
	top, err := w.blob(imgspec.MediaTypeImageManifest, w.manifest)
	if err != nil {
		return err
	}
	top.Annotations = map[string]string{imgspec.AnnotationRefName: tag}
	index := imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex, Manifests: []imgspec.Descriptor{top}}
	return errors.Join(
		w.json(imgspec.ImageIndexFile, index),
		w.json(imgspec.ImageLayoutFile, imgspec.ImageLayout{Version: imgspec.ImageLayoutVersion}),
		w.json(describes, w.about))
}

func (w *layoutWriter) json(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, name), data, 0o644)
}

func (w *layoutWriter) blob(mediaType string, value any) (imgspec.Descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return imgspec.Descriptor{}, err
	}
	sum := digest.FromBytes(data)
	name := filepath.Join(w.dir, imgspec.ImageBlobsDir, "sha256", sum.Encoded())
	return imgspec.Descriptor{MediaType: mediaType, Digest: sum, Size: int64(len(data))}, os.WriteFile(name, data, 0o644)
}

// archiveWriter joins packages to one layer.
type archiveWriter struct {
	tar   *tar.Writer
	dirs  map[string]bool // that were written
	about *made
}

func (a *archiveWriter) write(ctx context.Context, l layer, debs string) error {
	if l.file != "" {
		return a.file(l.file, l.text)
	}
	for name := range strings.FieldsSeq(l.packages) {
		if err := a.deb(ctx, name, debs); err != nil {
			return fmt.Errorf("package %s: %w", name, err)
		}
	}
	return nil
}

func (a *archiveWriter) file(name, text string) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := io.WriteString(a.tar, text)
	return err
}

// deb appends the data of a package.
func (a *archiveWriter) deb(ctx context.Context, name, debs string) error {
	found, err := filepath.Glob(filepath.Join(debs, name+"_*.deb"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d files, not one: %w", len(found), err)
	}
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", found[0])
	cmd.Stderr = os.Stderr
	data, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = a.copy(tar.NewReader(data))
	_, rest := io.Copy(io.Discard, data)
	return errors.Join(err, rest, cmd.Wait())
}

func (a *archiveWriter) copy(from *tar.Reader) error {
	for {
		hdr, err := from.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(hdr.Name)
		if hdr.Typeflag == tar.TypeDir {
			if a.dirs[name] {
				continue
			}
			a.dirs[name] = true
		}
		if hdr.Typeflag == tar.TypeReg {
			a.about.Files++
			a.about.Bytes += hdr.Size
		}
		if err := a.tar.WriteHeader(hdr); err != nil {
			return err
		}
		if _, err := io.Copy(a.tar, from); err != nil {
			return err
		}
	}
}
