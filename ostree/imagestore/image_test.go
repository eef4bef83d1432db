package imagestore_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// item is one entry of a layer under test.
type item struct {
	tar.Header
	content string
}

func dirItem(name string, mode int64) item {
	return item{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}}
}

func fileItem(name, content string) item {
	return item{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content: content}
}

func symlinkItem(name, target string) item {
	return item{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

func linkItem(name, target string) item {
	return item{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		i.Size = int64(len(i.content))
		i.Format = tar.FormatPAX
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(i.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// testLayer is a layer as it is served.
type testLayer struct {
	mediaType string
	blob      []byte
	diffID    digest.Digest
}

// gz is a gzip layer of the items.
func gz(t testing.TB, items ...item) testLayer {
	plain := tarOf(t, items...)
	return testLayer{imgspec.MediaTypeImageLayerGzip, gzipped(t, plain), digest.FromBytes(plain)}
}

func zst(t testing.TB, items ...item) testLayer {
	plain := tarOf(t, items...)
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return testLayer{imgspec.MediaTypeImageLayerZstd, w.EncodeAll(plain, nil), digest.FromBytes(plain)}
}

func plainLayer(t testing.TB, items ...item) testLayer {
	data := tarOf(t, items...)
	return testLayer{imgspec.MediaTypeImageLayer, data, digest.FromBytes(data)}
}

// layout is an OCI image layout on disk.
type layout struct {
	dir   string
	index imgspec.Index
}

func newLayout(t testing.TB) *layout {
	t.Helper()
	return newLayoutIn(t, t.TempDir())
}

// newLayoutIn makes a layout in a folder of its own below dir.
func newLayoutIn(t testing.TB, dir string) *layout {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "layout-")
	if err != nil {
		t.Fatal(err)
	}
	l := &layout{dir: dir, index: imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex}}
	if err := os.MkdirAll(filepath.Join(l.dir, "blobs/sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(l.dir, imgspec.ImageLayoutFile), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return l
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// blob stores data under its digest.
func (l *layout) blob(t testing.TB, mediaType string, data []byte) imgspec.Descriptor {
	t.Helper()
	sum := sha256.Sum256(data)
	writeFile(t, filepath.Join(l.dir, "blobs/sha256", hex.EncodeToString(sum[:])), data)
	return imgspec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func (l *layout) json(t testing.TB, mediaType string, v any) imgspec.Descriptor {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return l.blob(t, mediaType, data)
}

// manifest stores an image of the layers and returns its descriptor.
func (l *layout) manifest(t testing.TB, arch string, layers ...testLayer) imgspec.Descriptor {
	t.Helper()
	config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: arch}}
	config.Config.Cmd = []string{"/bin/true"}
	return l.configured(t, config, layers...)
}

// configured stores an image with a configuration that lacks only the layers.
func (l *layout) configured(t testing.TB, config imgspec.Image, layers ...testLayer) imgspec.Descriptor {
	t.Helper()
	m := imgspec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest}
	config.RootFS = imgspec.RootFS{Type: "layers"}
	for _, layer := range layers {
		m.Layers = append(m.Layers, l.blob(t, layer.mediaType, layer.blob))
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.diffID)
	}
	m.Config = l.json(t, imgspec.MediaTypeImageConfig, config)
	return l.json(t, imgspec.MediaTypeImageManifest, m)
}

// tag gives a manifest or index a name.
func (l *layout) tag(t testing.TB, name string, d imgspec.Descriptor) string {
	t.Helper()
	d.Annotations = map[string]string{imgspec.AnnotationRefName: name}
	l.index.Manifests = append(l.index.Manifests, d)
	data, err := json.Marshal(l.index)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(l.dir, imgspec.ImageIndexFile), data)
	return "oci:" + l.dir + ":" + name
}

// image is a layout with one image for this machine; it returns the reference.
func image(t testing.TB, layers ...testLayer) string {
	t.Helper()
	l := newLayout(t)
	return l.tag(t, "latest", l.manifest(t, runtime.GOARCH, layers...))
}

const acceptAll = `{"default":[{"type":"insecureAcceptAnything"}]}`

// newStore is a store with a policy of its own and a repo that does not exist.
func newStore(t testing.TB) (store *imagestore.Store, repo string) {
	t.Helper()
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.json")
	writeFile(t, policy, []byte(acceptAll))
	repo = filepath.Join(dir, "var/lib/syscontainer/repo")
	return imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: dir}), repo
}
