package imagestore_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// endless writes the text, and then more for as long as somebody takes it.
func endless(w http.ResponseWriter, text []byte, more string) {
	w.Header().Set("Content-Type", imgspec.MediaTypeImageManifest)
	w.Write(text)
	for block := []byte(strings.Repeat(more, 64<<10)); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// TestLyingRegistry: whatever a registry sends in the place of what a digest names, and
// however much of it, is refused and leaves nothing.
func TestLyingRegistry(t *testing.T) {
	l := newLayout(t)
	layer, other := gz(t, fileItem("f", "1")), gz(t, fileItem("f", "2"))
	d := l.manifest(t, runtime.GOARCH, layer)
	l.tag(t, "latest", d)
	evil := l.manifest(t, runtime.GOARCH, other)
	d.Platform = &imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	l.tag(t, "list", l.json(t, imgspec.MediaTypeImageIndex, imgspec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex, Manifests: []imgspec.Descriptor{d},
	}))
	var m imgspec.Manifest
	if err := json.Unmarshal(l.read(t, d.Digest), &m); err != nil {
		t.Fatal(err)
	}
	send := func(text []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", imgspec.MediaTypeImageManifest)
			w.Write(text)
		}
	}
	sum := func(data []byte) string { return digest.FromBytes(data).String() }
	plain := tarOf(t, fileItem("f", "1"))
	for _, test := range []struct {
		name, ref, path string // what is pulled, and what is answered by a lie
		lie             http.HandlerFunc
		reason          error
		text            string
	}{
		{"another manifest than the pinned one", "@" + d.Digest.String(), d.Digest.String(), send(l.read(t, evil.Digest)), nil, "digest"},
		{"another manifest than the listed one", ":list", d.Digest.String(), send(l.read(t, evil.Digest)), nil, "digest"},
		{"another configuration", "", m.Config.Digest.String(), send([]byte(`{"architecture":"` + runtime.GOARCH + `","os":"linux"}`)), nil, "digest"},
		{"another layer", "", sum(layer.blob), send(other.blob), nil, ""},
		{"no layer", "", sum(layer.blob), send(nil), nil, ""},
		{"a manifest without an end", "", "manifests/latest", func(w http.ResponseWriter, _ *http.Request) { endless(w, nil, " ") }, nil, ""},
		{"a configuration without an end", "", m.Config.Digest.String(), func(w http.ResponseWriter, _ *http.Request) { endless(w, nil, " ") }, nil, ""},
		{"a layer without an end", "", sum(layer.blob), func(w http.ResponseWriter, _ *http.Request) { endless(w, layer.blob, "\x00") }, imagestore.ErrBadImage, ""},
		{"a gzip without an end", "", sum(layer.blob), func(w http.ResponseWriter, _ *http.Request) { endless(w, nil, string(layer.blob)) }, imagestore.ErrBadImage, "limit"},
		{"an archive without an end", "", sum(layer.blob), func(w http.ResponseWriter, _ *http.Request) { endless(w, plain[:1024], string(plain[:1024])) }, imagestore.ErrBadImage, "limit"},
		{"zeros without an end", "", sum(layer.blob), func(w http.ResponseWriter, _ *http.Request) { endless(w, plain, "\x00") }, imagestore.ErrBadImage, "limit"},
		{"a way in circles", "", sum(layer.blob), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, nil, "redirect"},
		{"a list in place of the manifest", "@" + d.Digest.String(), d.Digest.String(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", imgspec.MediaTypeImageIndex)
			io.WriteString(w, `{"schemaVersion":2,"manifests":[]}`)
		}, nil, ""},
		{"a page of HTML", "", "manifests/latest", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>log in first")
		}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler := serve(t, l, "x")
			_, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, test.path) {
					test.lie(w, r)
					return
				}
				handler(w, r)
			})
			bounded := imagestore.New(imagestore.Options{
				Repo: repo, Root: rootOf(repo), TempDir: t.TempDir(), MaxLayerSize: 2 << 20, RetryPause: 1,
			})
			fails(t, bounded, repo, host+"/x"+test.ref, test.reason, test.text)
			pull(t, bounded, image(t, other))
			fails(t, bounded, repo, host+"/x"+test.ref, test.reason, test.text)
			fsck(t, repo)
		})
	}
}

// TestLyingSizes: what a manifest says of its parts is compared, or not believed.
func TestLyingSizes(t *testing.T) {
	layer := gz(t, fileItem("f", strings.Repeat("content", 1000)))
	for name, change := range map[string]func(*layout, *imgspec.Manifest){
		"a negative size":                func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Size = -5 },
		"an immense size":                func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Size = 1 << 62 },
		"a configuration that is longer": func(_ *layout, m *imgspec.Manifest) { m.Config.Size-- },
		"a digest of an unknown kind":    func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Digest = "md5:d41d8cd98f00b204e9800998ecf8427e" },
		"a digest in capitals": func(_ *layout, m *imgspec.Manifest) {
			m.Layers[0].Digest = digest.Digest(strings.ToUpper(m.Layers[0].Digest.String()))
		},
		"a file of the host": func(_ *layout, m *imgspec.Manifest) {
			m.Layers[0].MediaType, m.Layers[0].URLs = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", []string{"file:///etc/passwd"}
			m.Layers[0].Digest = digest.FromString("nothing that is here")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayout(t)
			d := l.manifest(t, runtime.GOARCH, layer)
			var m imgspec.Manifest
			if err := json.Unmarshal(l.read(t, d.Digest), &m); err != nil {
				t.Fatal(err)
			}
			change(l, &m)
			ref := l.tag(t, "latest", l.json(t, imgspec.MediaTypeImageManifest, m))
			store, repo, host := registry(t, serve(t, l, "x"))
			fails(t, store, repo, ref, nil)
			fails(t, store, repo, host+"/x", nil)
		})
	}
}

// TestUncommonImages: what is odd and not wrong.
func TestUncommonImages(t *testing.T) {
	layer, same := gz(t, fileItem("f", "1"), fileItem("g", "1")), gz(t, fileItem(".wh.g", ""))
	store, repo := newStore(t)
	twice := pull(t, store, image(t, layer, same, layer, same))
	if got := listing(t, checkout(t, store, repo, twice)); strings.Join(got, " ") != "f=1" {
		t.Errorf("the same layers twice: %q", got)
	}
	push(t, store, twice.Reference, "oci:"+filepath.Join(t.TempDir(), "layout")+":x")
	fsck(t, repo)
}
