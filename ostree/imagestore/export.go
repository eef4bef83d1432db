package imagestore

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree"
	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// export is an image of the repo whose layers are being read back. It keeps prunes
// out until it is closed.
type export struct {
	repo   *ostree.Repo
	unlock func() error
	record imageRecord
	layers []exportLayer
}

// exportLayer is a layer of the image.
type exportLayer struct {
	info   types.BlobInfo // of the blob, as the manifest has it
	diffID digest.Digest
	commit ostree.Checksum
	// recorded tells that its tar stream can be put together again; head is how its
	// blob begins when it was compressed.
	recorded bool
	head     []byte
}

// plain tells that the blob is the tar stream itself.
func (l exportLayer) plain() bool { return l.info.Digest == l.diffID }

func openExport(ctx context.Context, path string, img Image) (*export, error) {
	lock, err := lockStore(ctx, path, shared)
	if err != nil {
		return nil, err
	}
	repo, err := ostree.Open(ctx, path)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	e := &export{repo: repo, unlock: lock.release}
	commit, err := ostree.ParseChecksum(img.Commit)
	if err == nil {
		e.record, err = loadRecord(repo, commit)
	}
	if err == nil {
		e.layers, err = e.record.exportLayers(repo)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *export) close() error { return errors.Join(e.repo.Close(), e.unlock()) }

// exportLayers are the layers of an image, in order.
func (r imageRecord) exportLayers(repo *ostree.Repo) (list []exportLayer, err error) {
	m, err := manifest.FromBlob(r.manifest, r.mediaType)
	if err != nil {
		return nil, badImage("reading the manifest: %w", err)
	}
	config, err := parseConfig(r.config)
	if err != nil {
		return nil, err
	}
	ids, infos := config.RootFS.DiffIDs, m.LayerInfos()
	if len(ids) != len(infos) {
		return nil, badImage("it has %d layers, its config lists %d", len(infos), len(ids))
	}
	for i, info := range infos {
		l, err := loadExportLayer(repo, info.BlobInfo, ids[i])
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// checkRecords is an [ErrNoRecord] when a layer cannot be exported.
func (r imageRecord) checkRecords(repo *ostree.Repo) error {
	list, err := r.exportLayers(repo)
	for _, l := range list {
		if !l.recorded {
			return fmt.Errorf("layer %s: %w", l.diffID, ErrNoRecord)
		}
	}
	return err
}

// loadExportLayer finds a layer's commit: the one of this very blob, or another
// one with the same content.
func loadExportLayer(repo *ostree.Repo, info types.BlobInfo, diffID digest.Digest) (exportLayer, error) {
	l := exportLayer{info: info, diffID: diffID}
	for _, ref := range []string{digestRef(blobPrefix, info.Digest), digestRef(layerPrefix, diffID)} {
		commit, found, err := refOrNone(repo, ref)
		if err != nil {
			return l, err
		}
		if !found {
			continue
		}
		c, err := repo.LoadCommit(commit, keyDiffID, keyRecord, keyHead)
		if err != nil {
			return l, err
		}
		if l.head == nil && ref == digestRef(blobPrefix, info.Digest) {
			l.head = c.Value(keyHead)
		}
		if string(c.Value(keyRecord)) == recordVersion && string(c.Value(keyDiffID)) == diffID.String() {
			l.commit, l.recorded = commit, true
			return l, nil
		}
	}
	return l, nil
}

// writeTar writes a layer's tar stream. When it returns nil the stream was the one
// of the layer's DiffID.
func (e *export) writeTar(ctx context.Context, w io.Writer, l exportLayer) error {
	if !l.recorded {
		return fmt.Errorf("layer %s: %w", l.diffID, ErrNoRecord)
	}
	root, err := e.repo.ReadTree(ctx, l.commit)
	if err != nil {
		return err
	}
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(w, hash), 256<<10)
	if err := errors.Join(layers.WriteTar(buffered, root, e.opener(ctx)), buffered.Flush()); err != nil {
		return fmt.Errorf("reading layer %s: %w", l.diffID, err)
	}
	if got := digest.NewDigest(digest.SHA256, hash); got != l.diffID {
		return badImage("layer %s reads back as %s; the store is damaged", l.diffID, got)
	}
	return nil
}

// opener opens the contents of files.
func (e *export) opener(ctx context.Context) layers.Opener {
	return func(sum ostree.Checksum) (io.ReadCloser, int64, error) {
		f, err := e.repo.LoadFile(ctx, sum)
		if err != nil {
			return nil, 0, err
		}
		if f.Content == nil {
			return nil, 0, fmt.Errorf("object %s is a symlink", sum)
		}
		return f.Content, f.Size, nil
	}
}

// openTar is writeTar as a stream.
func (e *export) openTar(ctx context.Context, l exportLayer) io.ReadCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(e.writeTar(ctx, w, l))
	}()
	return &tarStream{PipeReader: r, done: done}
}

// tarStream is the reading end of a layer.
type tarStream struct {
	*io.PipeReader
	done chan struct{}
}

// Close ends the stream and waits for whoever writes it.
func (s *tarStream) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}
