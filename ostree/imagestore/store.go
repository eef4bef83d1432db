package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
)

// Options say where things are. Repo is required; the rest may be zero.
type Options struct {
	// Repo is the path of the repo on the host (already below Root).
	Repo string
	// Root is the directory whose etc/containers and credentials are used
	// instead of the host's; "" for the host.
	Root string
	// PolicyPath and AuthFile replace the default policy.json and auth.json.
	PolicyPath, AuthFile string
	// TempDir is where a call puts its temporaries; it is made when it is not
	// there. "" for the system's.
	TempDir string
	// MaxLayerSize is how many bytes a layer may unpack to; 0 is
	// [DefaultMaxLayerSize]. MaxRatio is how many times larger than its blob a
	// layer of more than a gigabyte may become; 0 is [DefaultMaxRatio].
	MaxLayerSize, MaxRatio int64
	// StallTimeout is how long a registry may say nothing before a pull begins
	// anew; 0 is [DefaultStallTimeout]. RetryPause comes before the first of some
	// new beginnings; 0 is [DefaultRetryPause].
	StallTimeout, RetryPause time.Duration
	// KeepBlobs makes pulls keep the blobs of compressed layers beside the files: no
	// push has to compress them anew, for the price of their size in the repo.
	KeepBlobs bool
	// Log gets what is worth knowing and no error; nil is silent.
	Log *slog.Logger
	// Progress gets what a person wants to see while waiting; nil is silent.
	Progress io.Writer
}

// Image is an image in the repo.
type Image struct {
	// Reference is canonical: docker://localhost:5000/etcd:latest.
	Reference string
	// Digest is that of the image's own manifest, sha256:…
	Digest string
	// Commit is the merged commit.
	Commit string
	// Config is the image's configuration.
	Config imgspec.Image
	// Health is the health check in the configuration; nil when there is none.
	Health *HealthCheck
	// Added tells, after a Pull, that the reference was not in the repo before.
	Added bool
	// Previous is, after a Pull, the digest that the reference had before, and
	// PreviousCommit the commit that it led to; "" when it was not in the repo.
	Previous, PreviousCommit string
	// Fetched is how many bytes of layers a Pull has brought.
	Fetched int64
}

// HealthCheck is what docker adds to a configuration: NONE, CMD with the arguments of a
// command, or CMD-SHELL with a line for the shell, and when to run it. Zero is the default.
type HealthCheck struct {
	Test                           []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

// Store is the images in one repo. It holds nothing open; all methods may be
// called at once, also by several processes.
type Store struct {
	options Options
	log     *slog.Logger
}

// New returns a store. It touches nothing: the repo is made by the first Pull
// that reaches a layer.
func New(o Options) *Store {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{options: o, log: log}
}

// Pull brings an image into the repo: it resolves the reference (any transport
// of containers/image, a short name of registries.conf), checks policy.json,
// and fetches the layers that the repo does not have. When the reference has
// this very manifest already, nothing but the manifest is fetched. A name that Tag
// gave, a digest (sha256:…) and twelve or more digits of an ID are an image that
// is here, and nobody is asked.
//
// It is atomic: after the error, a [*PullError], there is no image, and no repo that
// was not there before. Layers that had arrived stay when the pull was interrupted (a
// kill, a cancelled context, a network or a disk that failed): the next one goes on
// with them, and Prune removes them. After any other error, such as [ErrBadImage],
// they go at once, or with the next Prune when others use the repo. It never asks
// the user anything. After nil the image survives a power cut.
func (s *Store) Pull(ctx context.Context, reference string) (Image, error) {
	kept, err := s.findKept(ctx, reference)
	var ambiguous *AmbiguousError
	if err == nil {
		kept.Previous, kept.PreviousCommit = kept.Digest, kept.Commit
		return kept, nil
	} else if errors.As(err, &ambiguous) {
		return Image{}, &PullError{Reference: reference, Err: err}
	}
	sys, err := s.newSystem()
	if err != nil {
		return Image{}, &PullError{Reference: reference, Err: err}
	}
	defer sys.close()
	img, err := s.pullAny(ctx, sys, reference)
	return img, sys.original(err)
}

// pullAny pulls from the first of the places that a reference can mean.
func (s *Store) pullAny(ctx context.Context, sys *system, reference string) (Image, error) {
	policy, err := sys.policy()
	if err != nil {
		return Image{}, pullError(reference, err)
	}
	defer policy.Destroy()
	refs, err := sys.resolve(reference)
	if err != nil {
		return Image{}, pullError(reference, err)
	}
	var errs []error
	for _, ref := range refs {
		img, err := s.pullOne(ctx, sys, policy, ref)
		for range pullAttempts {
			if !errors.Is(err, ErrNotFound) {
				break
			}
			img, err = s.pullOne(ctx, sys, policy, ref) // it was there, and somebody has removed it since
		}
		if err == nil {
			return img, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return Image{}, errors.Join(errs...)
}

// pullAttempts is how often a pull begins anew because there was no repo at first,
// and then one with the image, which another process removed.
const pullAttempts = 3

func (s *Store) pullOne(ctx context.Context, sys *system, policy *signature.PolicyContext, ref types.ImageReference) (Image, error) {
	name := canonical(ref)
	p, err := s.newPull(ctx)
	if err != nil {
		return Image{}, pullError(name, err)
	}
	img, err := p.run(ctx, sys, policy, ref)
	if err != nil {
		err = pullError(name, err)
		if ferr := p.finish(ctx, err); ferr != nil {
			s.log.WarnContext(ctx, "tidying after a pull", "reference", name, "error", ferr)
		}
		return Image{}, err
	}
	if err := p.finish(ctx, nil); err != nil {
		return Image{}, pullError(name, err)
	}
	return img, nil
}

// run is the pull itself.
func (p *pull) run(ctx context.Context, sys *system, policy *signature.PolicyContext, ref types.ImageReference) (Image, error) {
	name := canonical(ref)
	before, err := p.store.find(ctx, name)
	added := errors.Is(err, ErrNotFound)
	if err != nil && !added {
		return Image{}, err
	}
	p.store.log.DebugContext(ctx, "pulling", "reference", name)
	err = p.copy(ctx, sys.SystemContext, policy, ref)
	if err != nil {
		return Image{}, explainPlatform(ctx, sys.SystemContext, ref, err)
	}
	img, err := p.store.find(ctx, name)
	img.Added, img.Previous, img.PreviousCommit = added, before.Digest, before.Commit
	img.Fetched = p.fetchedBytes()
	return img, err
}

// Checkout writes the image's tree to dir, which must not exist; its parent
// must. Every file is a hard link into the repo; where that is impossible it is
// an error. The tree is durable when Checkout returns nil, and gone after an
// error.
func (s *Store) Checkout(ctx context.Context, commit, dir string) error {
	sum, err := ostree.ParseChecksum(commit)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("checking out %s to %q: %w", commit, dir, fs.ErrExist)
	}
	repo, err := ostree.Open(ctx, s.options.Repo)
	if err != nil {
		return err
	}
	defer repo.Close()
	if err := repo.Checkout(ctx, sum, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return nil
}
