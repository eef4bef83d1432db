package imagestore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// benchmarkLayers is 320 MB in 10,500 files and three layers: many small files,
// some big ones, contents that compress about as programs do.
func benchmarkLayers(b *testing.B) (layers []testLayer, size int64) {
	random := rand.NewChaCha8([32]byte{1})
	content := func(n int) string {
		data := make([]byte, n)
		for at := 0; at < n; at += 512 {
			random.Read(data[at:min(n, at+200)])
		}
		size += int64(n)
		return string(data)
	}
	for l := range 3 {
		items := []item{dirItem("./", 0o755)}
		for d := range 100 {
			dir := fmt.Sprintf("l%d-%03d", l, d)
			items = append(items, dirItem(dir, 0o755))
			for f := range 35 {
				items = append(items, fileItem(fmt.Sprintf("%s/%d", dir, f), content(1000+700*f)))
			}
		}
		for f := range 8 {
			items = append(items, fileItem(fmt.Sprintf("big%d-%d", l, f), content(8<<20)))
		}
		layers = append(layers, gz(b, items...))
	}
	return layers, size
}

// BenchmarkPull compares a pull, synced, with tar and sync of the same layers.
func BenchmarkPull(b *testing.B) {
	layers, size := benchmarkLayers(b)
	l := newLayout(b)
	ref := l.tag(b, "latest", l.manifest(b, "", layers...))
	b.Run("pull", func(b *testing.B) {
		b.SetBytes(size)
		benchmarkPulls(b, l, ref)
	})
	b.Run("tar+sync", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			dir := b.TempDir()
			for i := range layers {
				blob := filepath.Join(l.dir, fmt.Sprintf("layer%d", i))
				b.StopTimer()
				writeFile(b, blob, layers[i].blob)
				b.StartTimer()
				if out, err := exec.CommandContext(b.Context(), "tar", "-xzf", blob, "-C", dir).CombinedOutput(); err != nil {
					b.Fatalf("tar: %v\n%s", err, out)
				}
			}
			syncDisk(b, dir)
			b.StopTimer()
			os.RemoveAll(dir)
			syncDisk(b, l.dir)
			b.StartTimer()
		}
	})
}

// BenchmarkPullSmallLayers pulls 40 layers of 20 small files each.
func BenchmarkPullSmallLayers(b *testing.B) {
	random := rand.NewChaCha8([32]byte{2})
	var stack []testLayer
	for i := range 40 {
		items := []item{dirItem("./", 0o755)}
		for f := range 20 {
			data := make([]byte, 2000)
			random.Read(data)
			items = append(items, fileItem(fmt.Sprintf("l%d/%d", i, f), string(data)))
		}
		stack = append(stack, gz(b, items...))
	}
	l := newLayout(b)
	benchmarkPulls(b, l, l.tag(b, "latest", l.manifest(b, "", stack...)))
}

// benchmarkPulls pulls an image again and again, each time into a new repo.
func benchmarkPulls(b *testing.B, l *layout, ref string) {
	for b.Loop() {
		store, repo := newStore(b)
		img := pull(b, store, ref)
		b.StopTimer()
		if err := store.Remove(b.Context(), img.Reference); err != nil {
			b.Fatal(err)
		}
		if _, err := os.Stat(repo); err == nil {
			b.Fatal("the repo is still there")
		}
		syncDisk(b, l.dir)
		b.StartTimer()
	}
}

func syncDisk(b *testing.B, dir string) {
	b.Helper()
	d, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		b.Fatal(err)
	}
}
