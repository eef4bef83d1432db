package imagestore_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// attributed is a file with these attributes.
func attributed(count, size int, prefix string) item {
	i := fileItem("f", "1")
	i.PAXRecords = make(map[string]string)
	for n := range count {
		i.PAXRecords[fmt.Sprintf("SCHILY.xattr.%s%d", prefix, n)] = strings.Repeat("v", size)
	}
	return i
}

// TestMaliciousAttributes: what no kernel keeps is refused with the reason; what a
// file system cannot keep is an error, too.
func TestMaliciousAttributes(t *testing.T) {
	for name, test := range map[string]struct {
		item   item
		reason error
		text   string
	}{
		"too many":          {attributed(10_000, 1, "user.name"), imagestore.ErrBadImage, "10000 attributes"},
		"a huge value":      {attributed(1, 65537, "user.n"), imagestore.ErrBadImage, "65537 bytes"},
		"a long name":       {attributed(1, 1, "user."+strings.Repeat("n", 300)), imagestore.ErrBadImage, "255 are possible"},
		"more than a block": {attributed(1000, 50, "user.n"), nil, "xattr"},
	} {
		store, repo := newStore(t)
		ref := image(t, gz(t, test.item))
		t.Log(name)
		fails(t, store, repo, ref, test.reason, test.text)
		pull(t, store, image(t, gz(t, fileItem("f", "1"))))
		fails(t, store, repo, ref, test.reason, test.text)
		fsck(t, repo)
	}
}

// TestForeignAttributes: those of other systems are left out.
func TestForeignAttributes(t *testing.T) {
	i := attributed(1, 1, "com.apple.provenance")
	i.PAXRecords["SCHILY.xattr.system.ntfs_acl"], i.PAXRecords["SCHILY.xattr.user.mine"] = "x", "y"
	store, repo := newStore(t)
	attrs, err := xattrsOf(filepath.Join(checkout(t, store, repo, pull(t, store, image(t, gz(t, i)))), "f"))
	if err != nil || attrs != ` user.mine="y"` {
		t.Errorf("attributes:%s, %v", attrs, err)
	}
}

// TestMaliciousDocuments: JSON that is large or deep.
func TestMaliciousDocuments(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 1<<19)
	closed := deep + strings.Repeat(`]}`, 1<<19)
	wide := `{"x":"` + strings.Repeat("x", 8<<20) + `"}`
	for name, make := range map[string]func(*layout) imgspec.Descriptor{
		"deep manifest":   func(l *layout) imgspec.Descriptor { return l.blob(t, imgspec.MediaTypeImageManifest, []byte(deep)) },
		"closed manifest": func(l *layout) imgspec.Descriptor { return l.blob(t, imgspec.MediaTypeImageManifest, []byte(closed)) },
		"wide manifest":   func(l *layout) imgspec.Descriptor { return l.blob(t, imgspec.MediaTypeImageManifest, []byte(wide)) },
		"deep index":      func(l *layout) imgspec.Descriptor { return l.blob(t, imgspec.MediaTypeImageIndex, []byte(closed)) },
		"wide index":      func(l *layout) imgspec.Descriptor { return l.blob(t, imgspec.MediaTypeImageIndex, []byte(wide)) },
		"deep config": func(l *layout) imgspec.Descriptor {
			m := imgspec.Manifest{Config: l.blob(t, imgspec.MediaTypeImageConfig, []byte(closed)), Layers: []imgspec.Descriptor{l.blob(t, imgspec.MediaTypeImageLayerGzip, gz(t, fileItem("f", "1")).blob)}}
			m.SchemaVersion = 2
			return l.json(t, imgspec.MediaTypeImageManifest, m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayout(t)
			store, repo := newStore(t)
			ref := l.tag(t, "latest", make(l))
			fails(t, store, repo, ref, nil)
			if _, err := store.Pull(t.Context(), ref); len(err.Error()) > 3000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestLargeIndex: what fits is found among a hundred thousand.
func TestLargeIndex(t *testing.T) {
	l := newLayout(t)
	index := imgspec.Index{MediaType: imgspec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for i := range 100_000 {
		d := imgspec.Descriptor{MediaType: imgspec.MediaTypeImageManifest, Digest: digest.FromString(fmt.Sprint(i)), Size: 1, Platform: &imgspec.Platform{OS: "linux", Architecture: fmt.Sprintf("arch%d", i)}}
		index.Manifests = append(index.Manifests, d)
	}
	d := l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")))
	d.Platform = &imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	store, repo := newStore(t)
	fails(t, store, repo, l.tag(t, "none", l.json(t, imgspec.MediaTypeImageIndex, index)), imagestore.ErrPlatform)
	index.Manifests = append(index.Manifests, d)
	pull(t, store, l.tag(t, "latest", l.json(t, imgspec.MediaTypeImageIndex, index)))
}

// TestMillionsOfEntries: memory ends before the archive does.
func TestMillionsOfEntries(t *testing.T) {
	count := 10_000
	if long() {
		count = 10_000_000
	}
	var blob bytes.Buffer
	z := gzip.NewWriter(&blob)
	digester := digest.Canonical.Digester()
	header := tarOf(t, dirItem("d", 0o755))[:512]
	for range count {
		if _, err := z.Write(header); err != nil {
			t.Fatal(err)
		}
		digester.Hash().Write(header)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	layer := testLayer{imgspec.MediaTypeImageLayerGzip, blob.Bytes(), digester.Digest()}
	store, repo := newStore(t)
	if !long() {
		pull(t, store, image(t, layer))
		return
	}
	fails(t, store, repo, image(t, layer), imagestore.ErrBadImage)
}
