package imagestore_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// compressed is a layer that is compressed by whatever open returns.
func compressed(t testing.TB, plain testLayer, mediaType string, open func(io.Writer) (io.WriteCloser, error)) testLayer {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(plain.blob)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return testLayer{mediaType, b.Bytes(), plain.diffID}
}

// foreign is a layer of a gzip that is none of those that we know.
func foreign(t testing.TB, items ...item) testLayer {
	return compressed(t, plainLayer(t, items...), imgspec.MediaTypeImageLayerGzip, func(w io.Writer) (io.WriteCloser, error) {
		z, err := stdgzip.NewWriterLevel(w, 6)
		z.Name = "layer.tar"
		return z, err
	})
}

// someFiles is enough for compressors to differ.
func someFiles(seed byte, megabytes int) []item {
	random := rand.NewChaCha8([32]byte{seed})
	items := []item{dirItem("usr", 0o755)}
	for i := range megabytes * 8 {
		var text strings.Builder
		for text.Len() < 128<<10 {
			word := make([]byte, 2)
			random.Read(word)
			text.WriteString(strings.Repeat(string(word[:1]), int(word[1]>>5)) + "and so on")
		}
		items = append(items, fileItem("usr/"+string(rune('a'+i)), text.String()))
	}
	return append(items, linkItem("usr/link", "usr/a"), symlinkItem("s", "usr/b"), fileItem(".wh.gone", ""))
}

func push(t testing.TB, store *imagestore.Store, ref, destination string) imagestore.Pushed {
	t.Helper()
	pushed, err := store.Push(t.Context(), ref, destination)
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// manifestAt is the digest of a manifest as an independent program reads it.
func manifestAt(t testing.TB, ref string) string {
	t.Helper()
	return digest.FromString(run(t, "skopeo", "inspect", "--raw", ref)).String()
}

// configAt is the digest of an image's configuration.
func configAt(t testing.TB, ref string) string {
	t.Helper()
	return digest.FromString(run(t, "skopeo", "inspect", "--raw", "--config", ref)).String()
}

// TestPushKeepsTheManifest pushes layers of every compressor that we know.
func TestPushKeepsTheManifest(t *testing.T) {
	gzipType, zstdType := imgspec.MediaTypeImageLayerGzip, imgspec.MediaTypeImageLayerZstd
	layers := []testLayer{
		plainLayer(t, someFiles(1, 1)...),
		gz(t, someFiles(2, 1)...), zst(t, fileItem("small", "is kept as it is")), foreign(t, fileItem("tiny", "too")),
	}
	for i, open := range []func(io.Writer) (io.WriteCloser, error){
		func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriter(w), nil },
		func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, 1) },
		func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, 9) },
		func(w io.Writer) (io.WriteCloser, error) { return pgzip.NewWriter(w), nil },
		func(w io.Writer) (io.WriteCloser, error) {
			z := pgzip.NewWriter(w)
			return z, z.SetConcurrency(256<<10, 3)
		},
	} {
		layers = append(layers, compressed(t, plainLayer(t, someFiles(byte(10+i), 2)...), gzipType, open))
	}
	for i, level := range []int{1, 3, 7, 19} {
		layers = append(layers, compressed(t, plainLayer(t, someFiles(byte(20+i), 1)...), zstdType, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
		}))
	}
	store, repo := newStore(t)
	keeps(t, store, image(t, layers...), "oci:"+t.TempDir()+"/oci:tag")
	few := image(t, layers[:5]...)
	keeps(t, store, few, "dir:"+t.TempDir())
	keeps(t, store, few, "oci-archive:"+t.TempDir()+"/image.tar:tag")
	fsck(t, repo)
	if _, err := store.Prune(t.Context(), imagestore.PruneOptions{Unused: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(repo); err == nil {
		t.Error("something is left of the repo")
	}
}

// keeps pulls an image and pushes it, and demands the very manifest.
func keeps(t *testing.T, store *imagestore.Store, ref, destination string) {
	t.Helper()
	img := pull(t, store, ref)
	pushed := push(t, store, ref, destination)
	if !pushed.Same || pushed.Digest != img.Digest || manifestAt(t, destination) != img.Digest || pushed.Recompressed != nil || pushed.Converted {
		t.Errorf("%s: %s became %+v", destination, img.Digest, pushed)
	}
	run(t, "skopeo", "copy", destination, "dir:"+t.TempDir()) // reads every blob, and compares it with its digest
}

// TestPushSaysWhatItCannotKeep: a blob of an unknown compressor.
func TestPushSaysWhatItCannotKeep(t *testing.T) {
	store, _ := newStore(t)
	unknown, known := foreign(t, someFiles(1, 2)...), gz(t, someFiles(2, 1)...)
	ref := image(t, unknown, known)
	img := pull(t, store, ref)
	layout := t.TempDir()
	destination := "oci:" + layout + ":tag"
	pushed := push(t, store, ref, destination)
	if pushed.Same || len(pushed.Recompressed) != 1 || pushed.Recompressed[0] != digest.FromBytes(unknown.blob).String() {
		t.Errorf("it says %+v", pushed)
	}
	if pushed.Digest == img.Digest || manifestAt(t, destination) != pushed.Digest {
		t.Errorf("the manifest is %s, was %s, and push says %s", manifestAt(t, destination), img.Digest, pushed.Digest)
	}
	if id := configAt(t, ref); id != pushed.ID || id != configAt(t, destination) {
		t.Errorf("the ID was %s and became %s, %s", id, pushed.ID, configAt(t, destination))
	}
	if _, err := os.Stat(filepath.Join(layout, "blobs/sha256", digest.FromBytes(known.blob).Encoded())); err != nil {
		t.Errorf("the blob that could be kept: %v", err)
	}
	other, _ := newStore(t)
	again := pull(t, other, destination)
	if diff := differences(treeOf(t, checkoutIn(t, store, img)), treeOf(t, checkoutIn(t, other, again))); diff != nil {
		t.Error(strings.Join(diff, "\n"))
	}

	// Where the blob is already, it need not be made.
	writeFile(t, filepath.Join(layout, "blobs/sha256", digest.FromBytes(unknown.blob).Encoded()), unknown.blob)
	if pushed := push(t, store, ref, "oci:"+layout+":again"); !pushed.Same || pushed.Recompressed != nil {
		t.Errorf("with the blob there it says %+v", pushed)
	}
}

func checkoutIn(t testing.TB, store *imagestore.Store, img imagestore.Image) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(strings.TrimSuffix(t.TempDir(), "/")), "rootfs-"+img.Commit)
	if err := store.Checkout(t.Context(), img.Commit, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPushToDockerArchive: a format without the manifest; content and ID stay.
func TestPushToDockerArchive(t *testing.T) {
	store, _ := newStore(t)
	ref := image(t, foreign(t, someFiles(1, 1)...), gz(t, fileItem("f", "2")), plainLayer(t, fileItem("g", "3")))
	pull(t, store, ref)
	destination := "docker-archive:" + t.TempDir() + "/image.tar:localhost/image:tag"
	pushed := push(t, store, ref, destination)
	if pushed.Same || !pushed.Converted || pushed.Recompressed != nil || pushed.ID != configAt(t, ref) || pushed.ID != configAt(t, destination) {
		t.Errorf("it says %+v, the configuration was %s and is %s", pushed, configAt(t, ref), configAt(t, destination))
	}
	run(t, "skopeo", "copy", destination, "dir:"+t.TempDir())
}

// TestPushNames: an image has many names, and a destination has a transport.
func TestPushNames(t *testing.T) {
	store, _ := newStore(t)
	ref := image(t, gz(t, fileItem("f", "1")))
	img := pull(t, store, ref)
	if _, err := store.Tag(t.Context(), ref, "mine"); err != nil {
		t.Fatal(err)
	}
	id := configAt(t, ref)
	for _, name := range []string{ref, "mine", id, strings.TrimPrefix(id, "sha256:")[:12], img.Digest[:20]} {
		if pushed := push(t, store, name, "dir:"+t.TempDir()); pushed.Digest != img.Digest {
			t.Errorf("%s: %+v", name, pushed)
		}
	}
	for _, test := range []struct {
		image, destination string
		want               error
	}{
		{"docker://localhost:1/nobody:has", "dir:" + t.TempDir(), imagestore.ErrNotFound},
		{"mine", "registry.example/image", imagestore.ErrNoTransport},
		{"mine", "docker://localhost:1/image", imagestore.ErrUnreachable},
	} {
		if _, err := store.Push(t.Context(), test.image, test.destination); !errors.Is(err, test.want) {
			t.Errorf("%s to %s: error %v, want %v", test.image, test.destination, err, test.want)
		}
	}
}
