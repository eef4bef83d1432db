package imagestore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/storage/pkg/chunked/compressor"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// asked is a handler that remembers which paths were asked for.
type asked struct {
	http.Handler
	mu    sync.Mutex
	paths []string
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.paths = append(a.paths, r.URL.Path)
	a.mu.Unlock()
	a.Handler.ServeHTTP(w, r)
}

// reset forgets the paths and returns those with the text in them.
func (a *asked) reset(text string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	paths := slices.DeleteFunc(a.paths, func(p string) bool { return !strings.Contains(p, text) })
	a.paths = nil
	return paths
}

// TestForeignImageFetchesNoLayer: what is not for this host is refused for what its
// configuration says, before anything large comes.
func TestForeignImageFetchesNoLayer(t *testing.T) {
	l := newLayout(t)
	layer := gz(t, fileItem("f", "1"))
	l.tag(t, "foreign", l.manifest(t, "s390x", layer))
	l.tag(t, "own", l.manifest(t, runtime.GOARCH, layer))
	a := &asked{Handler: serve(t, l, "x")}
	store, repo, host := registry(t, a.ServeHTTP)
	fails(t, store, repo, host+"/x:foreign", imagestore.ErrPlatform, "linux/s390x", "linux/"+runtime.GOARCH)
	sum := digest.FromBytes(layer.blob).String()
	if paths := a.reset(sum); len(paths) > 0 {
		t.Errorf("layers were fetched: %q", paths)
	}
	pull(t, store, host+"/x:own")
	if paths := a.reset(sum); len(paths) != 1 {
		t.Errorf("the layer was fetched %d times", len(paths))
	}
}

// schema2 is a Docker manifest of the layers, whose media types are its own.
func (l *layout) schema2(t *testing.T, layers ...testLayer) imgspec.Descriptor {
	t.Helper()
	config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}, RootFS: imgspec.RootFS{Type: "layers"}}
	var list []manifest.Schema2Descriptor
	for _, layer := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.diffID)
		d := l.blob(t, layer.mediaType, layer.blob)
		list = append(list, manifest.Schema2Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest})
	}
	d := l.json(t, manifest.DockerV2Schema2ConfigMediaType, config)
	return l.json(t, manifest.DockerV2Schema2MediaType, manifest.Schema2FromComponents(
		manifest.Schema2Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}, list))
}

// chunked is a layer as zstd:chunked has it: zstd, with its table of contents where
// readers of zstd skip it.
func chunked(t *testing.T, items ...item) testLayer {
	t.Helper()
	plain := tarOf(t, items...)
	var blob bytes.Buffer
	w, err := compressor.ZstdCompressor(&blob, make(map[string]string), nil)
	do(t, err)
	_, err = w.Write(plain)
	do(t, errors.Join(err, w.Close()))
	return testLayer{imgspec.MediaTypeImageLayerZstd, blob.Bytes(), digest.FromBytes(plain)}
}

func as(l testLayer, mediaType string) testLayer {
	l.mediaType = mediaType
	return l
}

func TestKindsOfManifestsAndLayers(t *testing.T) {
	f := fileItem("f", strings.Repeat("content ", 1000))
	want := []string{"f=" + f.content}
	for name, make := range map[string]func(l *layout) imgspec.Descriptor{
		"OCI, gzip":         func(l *layout) imgspec.Descriptor { return l.manifest(t, runtime.GOARCH, gz(t, f)) },
		"OCI, zstd":         func(l *layout) imgspec.Descriptor { return l.manifest(t, runtime.GOARCH, zst(t, f)) },
		"OCI, zstd:chunked": func(l *layout) imgspec.Descriptor { return l.manifest(t, runtime.GOARCH, chunked(t, f)) },
		"OCI, uncompressed": func(l *layout) imgspec.Descriptor { return l.manifest(t, runtime.GOARCH, plainLayer(t, f)) },
		"OCI, not to be distributed": func(l *layout) imgspec.Descriptor {
			return l.manifest(t, runtime.GOARCH, as(gz(t, f), "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"))
		},
		"schema 2, gzip": func(l *layout) imgspec.Descriptor {
			return l.schema2(t, as(gz(t, f), manifest.DockerV2Schema2LayerMediaType))
		},
		"schema 2, uncompressed": func(l *layout) imgspec.Descriptor {
			return l.schema2(t, as(plainLayer(t, f), manifest.DockerV2SchemaLayerMediaTypeUncompressed))
		},
		"schema 2, foreign": func(l *layout) imgspec.Descriptor {
			return l.schema2(t, as(gz(t, f), manifest.DockerV2Schema2ForeignLayerMediaTypeGzip))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayout(t)
			l.tag(t, "latest", make(l))
			store, repo, host := registry(t, serve(t, l, "x"))
			img := pull(t, store, host+"/x")
			if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, want) {
				t.Errorf("the checkout has %.100q", got)
			}
			fsck(t, repo)
			if again := pull(t, store, host+"/x"); again.Added || again.Digest != l.index.Manifests[0].Digest.String() {
				t.Errorf("pulled again: %+v", again)
			}
		})
	}
}

// TestForeignLayerByURL: what a registry must not serve is where its manifest says.
func TestForeignLayerByURL(t *testing.T) {
	layer := gz(t, fileItem("f", "1"))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(layer.blob) }))
	defer elsewhere.Close()
	l := newLayout(t)
	config := imgspec.Image{Platform: imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}, RootFS: imgspec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.diffID}}}
	l.tag(t, "latest", l.json(t, imgspec.MediaTypeImageManifest, imgspec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest,
		Config: l.json(t, imgspec.MediaTypeImageConfig, config),
		Layers: []imgspec.Descriptor{{
			MediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
			Digest:    digest.FromBytes(layer.blob), Size: int64(len(layer.blob)), URLs: []string{elsewhere.URL + "/layer"},
		}},
	}))
	store, repo, host := registry(t, serve(t, l, "x"))
	if got := listing(t, checkout(t, store, repo, pull(t, store, host+"/x"))); !slices.Equal(got, []string{"f=1"}) {
		t.Errorf("the checkout has %q", got)
	}
}

func TestWhatIsNoImage(t *testing.T) {
	l := newLayout(t)
	layer := gz(t, fileItem("f", "1"))
	artifact := func(artifactType, config string) imgspec.Descriptor {
		return l.json(t, imgspec.MediaTypeImageManifest, imgspec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest, ArtifactType: artifactType,
			Config: l.blob(t, config, []byte("{}")), Layers: []imgspec.Descriptor{l.blob(t, "application/octet-stream", layer.blob)},
		})
	}
	l.tag(t, "helm", artifact("", "application/vnd.cncf.helm.config.v1+json"))
	l.tag(t, "artifact", artifact("application/vnd.example.thing", imgspec.MediaTypeEmptyJSON))
	l.tag(t, "encrypted", l.manifest(t, runtime.GOARCH, as(layer, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")))
	l.tag(t, "schema1", l.blob(t, manifest.DockerV2Schema1MediaType, fmt.Appendf(nil,
		`{"schemaVersion":1,"name":"x","tag":"schema1","architecture":%q,"fsLayers":[{"blobSum":%q}],"history":[{"v1Compatibility":"{\"id\":\"%s\"}"}]}`,
		runtime.GOARCH, digest.FromBytes(layer.blob), strings.Repeat("a", 64))))
	a := &asked{Handler: serve(t, l, "x")}
	store, repo, host := registry(t, a.ServeHTTP)
	for tag, text := range map[string]string{
		"helm": "application/vnd.cncf.helm.config.v1+json", "artifact": "application/vnd.example.thing",
		"encrypted": "is encrypted", "schema1": "schema 1",
	} {
		fails(t, store, repo, host+"/x:"+tag, imagestore.ErrNotImage, text)
		if paths := a.reset(digest.FromBytes(layer.blob).String()); len(paths) > 0 && tag != "schema1" {
			t.Errorf("%s: layers were fetched", tag)
		}
		if _, err := store.Inspect(t.Context(), host+"/x:"+tag); tag != "encrypted" && !errors.Is(err, imagestore.ErrNotImage) {
			t.Errorf("inspecting %s: %v", tag, err)
		}
	}
}

func TestPinned(t *testing.T) {
	l := newLayout(t)
	d := l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")))
	l.tag(t, "3.6", d)
	list := imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex}
	d.Platform = &imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	list.Manifests = append(list.Manifests, d)
	index := l.json(t, imgspec.MediaTypeImageIndex, list)
	l.tag(t, "list", index)
	store, repo, host := registry(t, serve(t, l, "x"))
	want := "docker://" + host + "/x@" + d.Digest.String()
	for _, text := range []string{"/x@", "/x:3.6@", "/x:other@"} {
		for _, transport := range []string{"", "docker://"} {
			if img := pull(t, store, transport+host+text+d.Digest.String()); img.Reference != want || img.Digest != d.Digest.String() {
				t.Errorf("%s%s: %+v", transport, text, img)
			}
		}
	}
	if img := pull(t, store, host+"/x:3.6@"+index.Digest.String()); img.Digest != d.Digest.String() {
		t.Errorf("pinned by its list: %+v", img)
	}
	fails(t, store, repo, host+"/x:3.6@sha256:"+strings.Repeat("0", 64), imagestore.ErrUnknown)
	fails(t, store, repo, host+"/x:3.6@sha256:0123", nil)
}

// TestAmbiguousPrefix makes images until the IDs of two begin with the same digits.
func TestAmbiguousPrefix(t *testing.T) {
	l := newLayout(t)
	seen := make(map[string]imgspec.Descriptor)
	store, _ := newStore(t)
	for n := 0; ; n++ {
		config, err := json.Marshal(imgspec.Image{Author: fmt.Sprint(n), RootFS: imgspec.RootFS{Type: "layers"}})
		do(t, err)
		id := digest.FromBytes(config).Encoded()[:4]
		d := imgspec.Descriptor{MediaType: imgspec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
		other, found := seen[id]
		if seen[id] = d; !found {
			writeFile(t, filepath.Join(l.dir, "blobs/sha256", d.Digest.Encoded()), config)
			continue
		}
		writeFile(t, filepath.Join(l.dir, "blobs/sha256", d.Digest.Encoded()), config)
		for i, config := range []imgspec.Descriptor{d, other} {
			m := imgspec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest, Config: config}
			pull(t, store, l.tag(t, fmt.Sprint("image", i), l.json(t, imgspec.MediaTypeImageManifest, m)))
		}
		var ambiguous *imagestore.AmbiguousError
		if _, err := store.Find(t.Context(), id); !errors.As(err, &ambiguous) || len(ambiguous.Matches) != 2 ||
			!strings.Contains(err.Error(), d.Digest.String()) || !strings.Contains(err.Error(), "image1") {
			t.Errorf("finding %q: %v", id, err)
		}
		if err := store.Remove(t.Context(), id); !errors.As(err, &ambiguous) {
			t.Errorf("removing %q: %v", id, err)
		}
		if _, err := store.Pull(t.Context(), "sha256:"+id); !errors.As(err, &ambiguous) {
			t.Errorf("pulling sha256:%s: %v", id, err)
		}
		return
	}
}
