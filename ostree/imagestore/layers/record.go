package layers

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/syscontainer/syscontainer/ostree"
)

// What a tar stream holds besides the contents of files is kept as it was, so
// that the stream can be put together again byte for byte: the record. It has
// every byte that no object has, which are headers, padding, the end and whatever
// follows it, contents of sparse files and whatever else is not kept as a file;
// and, for each content that an object has, which and where. The record goes by
// positions and not by names, so that an archive may name a file twice.
//
// Its bytes are compressed in parts, each an object. The last one begins with the
// index, for each content in the order of the stream:
//
//	uvarint  how many bytes of the record come before it
//	uvarint  its size, which is never 0
//	[32]byte its object
//
// and for the end the bytes that remain, and 0. The length of the index, as a
// uvarint, stands before it; after it comes the last part of the bytes.

const (
	// recordName begins the names of the record's objects in a layer's root. No
	// layer can put anything there: see whiteout.
	recordName = metaPrefix + "tar."
	recordLast = recordName + "last"
	recordBlob = recordName + "blob"
	// recordPart is how many bytes make a part.
	recordPart = 1 << 20
)

// record is where a layer's record was written.
type record struct {
	parts []ostree.Checksum
	last  ostree.Checksum
	// contents are the objects that the index names.
	contents []ostree.Checksum
}

// span is a content in the stream: how many bytes of the record come before it,
// and where its object will be known.
type span struct {
	before, size int64
	sum          *ostree.Checksum
}

// recorder is a tar stream that is being read, and keeps what contents leave.
type recorder struct {
	r       io.Reader
	objects Objects
	jobs    *batch

	content int64 // bytes of a content to come
	before  int64 // bytes kept since the last content
	kept    []byte
	spans   []span
	parts   []*ostree.Checksum
}

// Read implements io.Reader.
func (r *recorder) Read(p []byte) (int, error) {
	if r.content > 0 {
		n, err := r.r.Read(p[:min(int64(len(p)), r.content)])
		r.content -= int64(n)
		return n, err
	}
	n, err := r.r.Read(p)
	if kerr := r.keep(p[:n]); kerr != nil {
		return n, kerr
	}
	return n, err
}

// isSparse tells whether a file's bytes in the stream are not its content.
func isSparse(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// file tells that the content of a file comes next, and where its object will be
// known.
func (r *recorder) file(hdr *tar.Header, sum *ostree.Checksum) {
	if hdr.Size == 0 || isSparse(hdr) {
		return
	}
	r.spans = append(r.spans, span{before: r.before, size: hdr.Size, sum: sum})
	r.before, r.content = 0, hdr.Size
}

// keep adds bytes to the record.
func (r *recorder) keep(p []byte) error {
	r.before += int64(len(p))
	for len(r.kept)+len(p) > recordPart {
		room := recordPart - len(r.kept)
		r.kept, p = append(r.kept, p[:room]...), p[room:]
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.kept = append(r.kept, p...)
	return nil
}

// flush lets a worker write a part.
func (r *recorder) flush() error {
	encoder, err := r.jobs.workers.encoder()
	if err != nil {
		return err
	}
	kept, sum := r.kept, new(ostree.Checksum)
	r.kept, r.parts = nil, append(r.parts, sum)
	return r.jobs.small(0, nil, func([]byte) error {
		var err error
		*sum, err = r.objects.WriteFile(recordMeta(), encoder.EncodeAll(kept, nil))
		return err
	})
}

// finish writes what is left. The stream is at its end, and all objects are known.
func (r *recorder) finish() (record, error) {
	encoder, err := r.jobs.workers.encoder()
	if err != nil {
		return record{}, err
	}
	rec := record{}
	for _, part := range r.parts {
		rec.parts = append(rec.parts, *part)
	}
	index := make([]byte, 0, (len(r.spans)+1)*(len(ostree.Checksum{})+6))
	for _, s := range r.spans {
		index = binary.AppendUvarint(index, uint64(s.before))
		index = binary.AppendUvarint(index, uint64(s.size))
		index = append(index, s.sum[:]...)
		rec.contents = append(rec.contents, *s.sum)
	}
	index = binary.AppendUvarint(index, uint64(r.before))
	index = append(index, 0)
	last := binary.AppendUvarint(make([]byte, 0, len(index)+len(r.kept)/4+64), uint64(len(index)))
	last = encoder.EncodeAll(r.kept, append(last, index...))
	rec.last, err = r.objects.WriteFile(recordMeta(), last)
	return rec, err
}

func recordMeta() ostree.Meta { return ostree.Meta{Mode: ostree.TypeFile | 0o600} }

// recordEncoder makes the encoder of a Workers when there is a record.
func recordEncoder() func() (*zstd.Encoder, error) {
	return sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(recordPart), zstd.WithEncoderCRC(false))
	})
}

// place puts the record into the tree of its layer, and beside it the contents
// that the tree lacks: of files that the layer itself replaces.
func (r record) place(root *ostree.Tree) {
	root.Files[recordLast] = r.last
	for i, part := range r.parts {
		root.Files[fmt.Sprintf("%s%08d", recordName, i)] = part
	}
	has := make(map[ostree.Checksum]bool)
	markFiles(root, has)
	for _, sum := range r.contents {
		if !has[sum] {
			has[sum] = true
			root.Files[recordName+sum.String()] = sum
		}
	}
}

// WriteBlob keeps a compressed blob as it is.
func WriteBlob(to Objects, size int64, r io.Reader) (ostree.Checksum, error) {
	return to.WriteStream(recordMeta(), size, r, make([]byte, streamBuffer))
}

// KeptBlob is the blob that a layer was stored with, if it was.
func KeptBlob(root *ostree.Tree) (sum ostree.Checksum, kept bool) {
	sum, kept = root.Files[recordBlob]
	return sum, kept
}

func markFiles(t *ostree.Tree, has map[ostree.Checksum]bool) {
	for _, sum := range t.Files {
		has[sum] = true
	}
	for _, dir := range t.Dirs {
		markFiles(dir, has)
	}
}

// isRecord tells whether a name in a layer's root is of its record.
func isRecord(name string) bool { return strings.HasPrefix(name, recordName) }
