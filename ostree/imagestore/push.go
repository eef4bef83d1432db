package imagestore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/containers/image/v5/copy"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/pkg/blobinfocache/none"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/transports/alltransports"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Pushed says what a push wrote.
type Pushed struct {
	// Reference is the image in the repo, Destination where it was written.
	Reference, Destination string
	// Digest is that of the manifest at the destination, ID that of the config,
	// which is always the same as in the repo.
	Digest, ID string
	// Same tells that the manifest is the very one of the repo.
	Same bool
	// Recompressed are the blobs that could not be made once more: the layers are
	// the same, and were compressed anew.
	Recompressed []string
	// Converted tells that the destination cannot hold the manifest as it is.
	Converted bool
}

// Push writes an image of the repo, found as Find does, to a destination of any
// transport of containers/image, with its name: docker://registry.example/etcd:3.6.
// The trust policy says what may be pulled, and is not asked.
//
// Layers have the same content everywhere, so that ID and DiffIDs never change. A
// blob that the destination has is not sent. Another is made once more from the
// repo: exactly, when it was not compressed or by a compressor that we know; only
// then its digest stays. When all do, and the destination takes manifests of that
// kind, the manifest is the very one that was pulled. Whatever is sent was compared
// with its digest.
//
// A file or a directory changes when all is there, at once; after an error it is what
// it was, but where only the last sync or tidying failed. Pushes to one directory wait
// for each other.
//
// An image that is not there is an [ErrNotFound], a layer that cannot be read back
// an [ErrNoRecord], and every failure at the destination a [*PullError].
func (s *Store) Push(ctx context.Context, reference, destination string) (Pushed, error) {
	to, err := parseDestination(destination)
	if err != nil {
		return Pushed{}, err
	}
	img, err := s.Find(ctx, reference)
	if err != nil {
		return Pushed{}, err
	}
	sys, err := s.newSystem()
	if err != nil {
		return Pushed{}, pushError(destination, err)
	}
	defer sys.close()
	e, err := openExport(ctx, s.options.Repo, img)
	if err != nil {
		return Pushed{}, fmt.Errorf("reading image %q: %w", img.Reference, err)
	}
	defer e.close()
	p := &push{store: s, sys: sys, source: &source{
		ref: &imageRef{name: img.Reference}, record: e.record, export: e,
		rebuilt: make(map[digest.Digest]opener), tars: make(map[digest.Digest]bool),
	}}
	pushed, err := p.run(ctx, to)
	if err != nil {
		return Pushed{}, sys.original(pushError(destination, err))
	}
	pushed.Reference, pushed.Destination, pushed.ID = img.Reference, canonical(to), e.record.id()
	return pushed, nil
}

// parseDestination demands a transport: a bare name could be meant as a file as
// well as on a registry. What another program of the host keeps is that one's to write.
func parseDestination(text string) (types.ImageReference, error) {
	if alltransports.TransportFromImageName(text) == nil {
		return nil, fmt.Errorf("destination %q: %w", text, ErrNoTransport)
	}
	transport, rest, _ := strings.Cut(text, ":")
	switch transport {
	case "docker":
	case "oci", "oci-archive", "docker-archive", "dir":
		path, _ := splitPath(transport, rest)
		if err := checkPath(transport, path); err != nil {
			return nil, fmt.Errorf("destination %q: %w", text, err)
		}
	default:
		return nil, fmt.Errorf("destination %q: images cannot be pushed by the transport %s", text, transport)
	}
	ref, err := alltransports.ParseImageName(text)
	if err != nil {
		return nil, fmt.Errorf("destination %q: %w", text, err)
	}
	return ref, nil
}

// pushError is pullError for the other way.
func pushError(destination string, err error) error {
	failed := &PullError{Reference: destination, Err: err}
	if found := pullError(destination, err); !errors.As(found, &failed) {
		return found
	}
	failed.verb = "pushing to"
	if errors.Is(failed.Reason, ErrUnknown) { // what is missing there is no image
		failed.Reason = nil
	}
	if text, ok := strings.CutPrefix(failed.Err.Error(), "initializing destination "+destination+": "); ok {
		failed.Err = &reworded{text: text, err: failed.Err}
	}
	return failed
}

// push is the state of one Store.Push.
type push struct {
	store  *Store
	sys    *system
	to     types.ImageReference // what is written to
	source *source
	keeps  bool // the destination takes the manifest as it is
}

// run writes the image to its place.
func (p *push) run(ctx context.Context, to types.ImageReference) (Pushed, error) {
	there, err := openPlace(ctx, to)
	if err != nil {
		return Pushed{}, err
	}
	p.to = there.reference()
	written := endWaiting(ctx, p.to)
	pushed, err := p.copy(ctx)
	written()
	err = orInterrupted(ctx, err)
	if err == nil {
		err = there.publish()
	}
	if cerr := there.close(); cerr != nil {
		p.store.log.WarnContext(ctx, "tidying after a push", "destination", canonical(to), "error", cerr)
	}
	return pushed, err
}

// copy decides what is sent, and lets copy.Image do it.
func (p *push) copy(ctx context.Context) (Pushed, error) {
	p.keeps = keepsManifest(p.to.Transport().Name(), p.source.record.mediaType)
	if err := p.plan(ctx); err != nil {
		return Pushed{}, err
	}
	policy, err := signature.NewPolicyContext(&signature.Policy{
		Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()},
	})
	if err != nil {
		return Pushed{}, err
	}
	defer policy.Destroy()
	written, err := copy.Image(ctx, policy, p.to, exportRef{imageRef: p.source.ref, source: p.source}, &copy.Options{
		RemoveSignatures: true, // there are none
		ReportWriter:     p.store.options.Progress,
		SourceCtx:        p.sys.SystemContext,
		DestinationCtx:   p.sys.SystemContext,
		PreserveDigests:  p.keeps && len(p.source.tars) == 0,
	})
	if err != nil {
		return Pushed{}, err
	}
	sum, err := manifest.Digest(written)
	pushed := Pushed{Digest: sum.String(), Same: sum == p.source.record.digest, Converted: !p.keeps}
	for _, l := range p.source.export.layers {
		if p.keeps && p.source.tars[l.info.Digest] {
			pushed.Recompressed = append(pushed.Recompressed, l.info.Digest.String())
		}
	}
	return pushed, err
}

// keepsManifest tells whether a transport can write a manifest as it is.
func keepsManifest(transport, mediaType string) bool {
	switch transport {
	case "docker", "dir":
		return true
	case "oci", "oci-archive":
		return mediaType == imgspec.MediaTypeImageManifest
	}
	return false // the archives of docker have manifests of their own
}

// plan finds out which blobs can be had, and makes those that have to be sent.
func (p *push) plan(ctx context.Context) error {
	missing, err := p.missing(ctx)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, l := range missing {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			var blob opener
			var err error
			if p.keeps {
				blob, err = p.source.export.rebuild(ctx, p.sys.scratch.dir, l)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				errs = append(errs, err)
			case blob != nil:
				p.source.rebuilt[l.info.Digest] = blob
			default:
				p.source.tars[l.info.Digest] = true
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// missing are the compressed layers, each once, that the destination does not have.
func (p *push) missing(ctx context.Context) (list []exportLayer, err error) {
	has := func(types.BlobInfo) (bool, error) { return false, nil }
	switch p.to.Transport().Name() {
	case "docker", "oci": // the others begin with nothing
		dest, err := p.to.NewImageDestination(ctx, p.sys.SystemContext)
		if err != nil {
			return nil, err
		}
		defer dest.Close()
		has = func(info types.BlobInfo) (bool, error) {
			found, _, err := dest.TryReusingBlob(ctx, info, none.NoCache, false)
			return found, err
		}
	}
	seen := make(map[digest.Digest]bool)
	for _, l := range p.source.export.layers {
		if seen[l.info.Digest] {
			continue
		}
		seen[l.info.Digest] = true
		there, err := has(l.info)
		if err != nil {
			return nil, err
		}
		switch {
		case there:
		case !l.recorded:
			return nil, fmt.Errorf("layer %s: %w", l.diffID, ErrNoRecord)
		case !l.plain():
			list = append(list, l)
		}
	}
	return list, nil
}

// exportRef is an image of the repo as a source that is open already.
type exportRef struct {
	*imageRef
	source *source
}

// NewImageSource implements types.ImageReference.
func (r exportRef) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	return r.source, nil
}
