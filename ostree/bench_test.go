package ostree_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/syscontainer/syscontainer/ostree"
)

// BenchmarkWrite writes 64 KiB files from two goroutines and streams of 64 MiB
// from one, without the commit.
func BenchmarkWrite(b *testing.B) {
	b.Run("small", func(b *testing.B) { benchmarkWrite(b, 64<<10, 2, false) })
	b.Run("big", func(b *testing.B) { benchmarkWrite(b, 64<<20, 1, false) })
	b.Run("stream", func(b *testing.B) { benchmarkWrite(b, 64<<20, 1, true) })
}

func benchmarkWrite(b *testing.B, size, writers int, stream bool) {
	path := b.TempDir() + "/repo"
	if err := ostree.Create(path); err != nil {
		b.Fatal(err)
	}
	repo, err := ostree.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer repo.Close()
	txn, err := repo.Begin(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer txn.Abort()
	b.SetBytes(int64(size))
	next := make(chan uint64)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			content, buf := make([]byte, size), make([]byte, 1<<20)
			rand.Read(content)
			for n := range next {
				binary.LittleEndian.PutUint64(content, n)
				if stream {
					_, err := txn.WriteStream(ostree.Meta{Mode: file | 0o644}, int64(size), bytes.NewReader(content), buf)
					if err != nil {
						b.Error(err)
					}
				} else if _, err := txn.WriteFile(ostree.Meta{Mode: file | 0o644}, content); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := uint64(0); b.Loop(); n++ {
		next <- n
	}
	close(next)
	group.Wait()
}
