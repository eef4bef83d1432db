package imagestore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

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
	ref := l.tag(b, "latest", l.manifest(b, "", stack...))
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
