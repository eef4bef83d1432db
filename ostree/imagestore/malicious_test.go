package imagestore_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// rawLayer is a layer of these bytes.
func rawLayer(data []byte) testLayer {
	return testLayer{imgspec.MediaTypeImageLayer, data, digest.FromBytes(data)}
}

// hugeHeader is an archive with a header of a kind, such as one of PAX, that is larger
// than any reader should take.
func hugeHeader(t *testing.T, kind byte) testLayer {
	data := tarOf(t, fileItem("PaxHeaders/f", strings.Repeat("x", 4<<20)))
	data[156] = kind
	return rawLayer(checksummed(data))
}

// checksummed corrects the checksum of an archive's first header.
func checksummed(data []byte) []byte {
	copy(data[148:156], "        ")
	sum := 0
	for _, b := range data[:512] {
		sum += int(b)
	}
	copy(data[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// sparseBomb is an archive of a few blocks with a file of a terabyte.
func sparseBomb() testLayer {
	header := make([]byte, 512)
	copy(header, "sparse")
	copy(header[100:], "0000644\x000000000\x000000000\x00")
	copy(header[124:], "00000000000\x0000000000000\x00")
	header[156] = tar.TypeGNUSparse
	copy(header[257:], "ustar  \x00")
	copy(header[483:], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00") // the real size: a terabyte
	return rawLayer(append(checksummed(header), make([]byte, 1024)...))
}

// TestMaliciousLayers: each is refused with the reason, and changes nothing.
func TestMaliciousLayers(t *testing.T) {
	cutZstd := zst(t, fileItem("f", strings.Repeat("content", 10000)))
	cutZstd.blob = cutZstd.blob[:len(cutZstd.blob)-20]
	padded := gz(t, fileItem("f", "1"))
	padded.blob = append(slices.Clone(padded.blob), "garbage behind the archive"...)
	for _, test := range []struct {
		name  string
		layer testLayer
		text  string
	}{
		{"truncated zstd", cutZstd, "too early"},
		{"garbage behind gzip", padded, "broken image"},
		{"bomb", gz(t, fileItem("zeros", strings.Repeat("\x00", 3<<20))), "limit of 2097152 bytes"},
		{"bomb of many files", gz(t, repeated(fileItem("zeros", strings.Repeat("\x00", 1000)), 3000)...), "limit of 2097152 bytes"},
		{"bomb of zstd", zst(t, fileItem("zeros", strings.Repeat("\x00", 3<<20))), "limit of 2097152 bytes"},
		{"bomb behind the archive", gzippedBytes(t, append(tarOf(t, fileItem("f", "1")), make([]byte, 3<<20)...)), "limit of 2097152 bytes"},
		{"sparse bomb", sparseBomb(), "limit of 2097152 bytes"},
		{"huge header of PAX", hugeHeader(t, tar.TypeXHeader), "header"},
		{"huge global header", hugeHeader(t, tar.TypeXGlobalHeader), "header"},
		{"huge name of GNU", hugeHeader(t, tar.TypeGNULongName), "header"},
		{"huge link of GNU", hugeHeader(t, tar.TypeGNULongLink), "header"},
		{"symlink to nothing", gz(t, symlinkItem("l", "")), "symlink"},
		{"long target", gz(t, symlinkItem("l", strings.Repeat("t", 5000))), "symlink"},
		{"hard link to the root", gz(t, linkItem("l", "/")), "hard link"},
		{"hard link to itself", gz(t, linkItem("l", "l")), "no file"},
		{"hard link through a symlink that leads out", gz(t, symlinkItem("up", "../../../../../etc"), linkItem("l", "up/passwd")), "no file"},
		{"hard link to an absolute name outside", gz(t, linkItem("l", "/etc/passwd")), "no file"},
		{"unknown type", gz(t, item{Header: tar.Header{Typeflag: 'Z', Name: "z"}}), "type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, repo := newStore(t)
			bounded := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policyOf(repo), TempDir: t.TempDir(), MaxLayerSize: 2 << 20})
			ref := image(t, test.layer)
			fails(t, bounded, repo, ref, imagestore.ErrBadImage, test.text)
			pull(t, store, image(t, gz(t, fileItem("f", "1"))))
			fails(t, bounded, repo, ref, imagestore.ErrBadImage, test.text)
			fsck(t, repo)
		})
	}
}

// policyOf is the policy that newStore wrote.
func policyOf(repo string) string {
	return filepath.Join(strings.TrimSuffix(repo, "/var/lib/syscontainer/repo"), "policy.json")
}

func repeated(i item, times int) []item {
	list := make([]item, times)
	for n := range list {
		list[n] = i
		list[n].Name += fmt.Sprint(n)
	}
	return list
}

func gzippedBytes(t *testing.T, plain []byte) testLayer {
	return testLayer{imgspec.MediaTypeImageLayerGzip, gzipped(t, plain), digest.FromBytes(plain)}
}

// TestMaliciousManifests: what describes the layers lies.
func TestMaliciousManifests(t *testing.T) {
	layer := gz(t, fileItem("f", strings.Repeat("content", 1000)))
	change := func(t *testing.T, do func(*layout, *imgspec.Manifest)) string {
		l := newLayout(t)
		var m imgspec.Manifest
		d := l.manifest(t, runtime.GOARCH, layer)
		if err := json.Unmarshal(l.read(t, d.Digest), &m); err != nil {
			t.Fatal(err)
		}
		do(l, &m)
		return l.tag(t, "latest", l.json(t, imgspec.MediaTypeImageManifest, m))
	}
	for _, test := range []struct {
		name string
		do   func(*layout, *imgspec.Manifest)
	}{
		{"layer shorter than said", func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Size++ }},
		{"layer longer than said", func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Size-- }},
		{"layer with another content", func(l *layout, m *imgspec.Manifest) {
			l.overwrite(t, m.Layers[0].Digest, gz(t, fileItem("f", "evil")).blob)
		}},
		{"layer that is not there", func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Digest = digest.FromString("nothing") }},
		{"layer with a path for a digest", func(_ *layout, m *imgspec.Manifest) { m.Layers[0].Digest = "sha256:../../../../etc/passwd" }},
		{"layer that the config does not list", func(_ *layout, m *imgspec.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }},
		{"no layers", func(_ *layout, m *imgspec.Manifest) { m.Layers = nil }},
		{"config with another content", func(l *layout, m *imgspec.Manifest) { l.overwrite(t, m.Config.Digest, []byte(`{}`)) }},
		{"config that is no JSON", func(l *layout, m *imgspec.Manifest) {
			m.Config = l.blob(t, imgspec.MediaTypeImageConfig, []byte("\x00{"))
		}},
		{"config too large", func(l *layout, m *imgspec.Manifest) {
			m.Config = l.blob(t, imgspec.MediaTypeImageConfig, append([]byte(`{"x":"`), bytes.Repeat([]byte("y"), 16<<20)...))
		}},
		{"config that is absent", func(_ *layout, m *imgspec.Manifest) { m.Config = imgspec.Descriptor{} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, repo := newStore(t)
			ref := change(t, test.do)
			fails(t, store, repo, ref, nil)
			pull(t, store, image(t, gz(t, fileItem("f", "1"))))
			fails(t, store, repo, ref, nil)
			fsck(t, repo)
		})
	}
}

func (l *layout) file(d digest.Digest) string {
	return filepath.Join(l.dir, "blobs/sha256", d.Encoded())
}

func (l *layout) read(t *testing.T, d digest.Digest) []byte {
	t.Helper()
	data, err := os.ReadFile(l.file(d))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (l *layout) overwrite(t *testing.T, d digest.Digest, data []byte) {
	t.Helper()
	writeFile(t, l.file(d), data)
}
