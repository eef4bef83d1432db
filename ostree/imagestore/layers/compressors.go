package layers

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

// headSize is how much of a compressed blob is kept. The codes of a block depend
// on all of the block, and so its first bytes already tell compressors apart.
const headSize = 4096

// Compressor is one of the ways in which the world compresses layers.
type Compressor struct {
	// Name says which, for logs.
	Name string
	open func(io.Writer) (io.WriteCloser, error)
}

// Open returns a writer that compresses to w. Its Close does not close w.
func (c Compressor) Open(w io.Writer) (io.WriteCloser, error) { return c.open(w) }

// Compressors are those that may have made a blob that begins with head, the more
// usual first; none when it is not compressed. Whether one of them did shows when
// its output begins with head, and has the blob's digest in the end.
func Compressors(head []byte) []Compressor {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipCompressors()
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(head):
		return zstdCompressors()
	}
	return nil
}

// gzipCompressors are Go's own, which docker, buildkit, containerd, kaniko and ko
// use, and the parallel one of podman, buildah, skopeo and umoci. What the latter
// writes changed between its versions.
func gzipCompressors() []Compressor {
	const megabyte, quarter = 1 << 20, 256 << 10
	var list []Compressor
	for _, level := range []int{-1, 1, 9, 2, 3, 4, 5, 7, 8} { // -1 is the same as 6
		list = append(list, parallel(level, megabyte), standard(level))
		if level == -1 {
			list = append(list, parallel(level, quarter))
		}
		list = append(list, fast(level))
	}
	return list
}

func standard(level int) Compressor {
	return Compressor{fmt.Sprintf("compress/gzip level %d", level), func(w io.Writer) (io.WriteCloser, error) {
		return stdgzip.NewWriterLevel(w, level)
	}}
}

func fast(level int) Compressor {
	return Compressor{fmt.Sprintf("klauspost/compress/gzip level %d", level), func(w io.Writer) (io.WriteCloser, error) {
		return gzip.NewWriterLevel(w, level)
	}}
}

func parallel(level, block int) Compressor {
	return Compressor{fmt.Sprintf("pgzip level %d blocks of %d kB", level, block>>10), func(w io.Writer) (io.WriteCloser, error) {
		z, err := pgzip.NewWriterLevel(w, level)
		if err != nil {
			return nil, err
		}
		return z, z.SetConcurrency(block, 2)
	}}
}

func zstdCompressors() []Compressor {
	var list []Compressor
	for _, level := range []zstd.EncoderLevel{zstd.SpeedDefault, zstd.SpeedFastest, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
		list = append(list, Compressor{"zstd level " + level.String(), func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(2))
		}})
	}
	return list
}
