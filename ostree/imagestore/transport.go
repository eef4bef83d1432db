package imagestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/types"
)

var errNotHere = errors.New("not possible with an image in the ostree repo")

// transport names the repo as a containers/image transport. It is not
// registered: no reference that a user types leads here.
type transport struct{}

func (transport) Name() string { return "syscontainer-ostree" }

func (transport) ParseReference(string) (types.ImageReference, error) { return nil, errNotHere }

func (transport) ValidatePolicyConfigurationScope(string) error { return nil }

// imageRef is an image of the repo, under the reference that it was pulled by.
type imageRef struct {
	pull  *pull
	name  string
	guard *guard // of a destination
}

func (r *imageRef) Transport() types.ImageTransport { return transport{} }

func (r *imageRef) StringWithinTransport() string { return r.name }

func (r *imageRef) DockerReference() reference.Named { return nil }

func (r *imageRef) PolicyConfigurationIdentity() string { return "" }

func (r *imageRef) PolicyConfigurationNamespaces() []string { return nil }

func (r *imageRef) NewImage(ctx context.Context, sys *types.SystemContext) (types.ImageCloser, error) {
	src, err := newSource(ctx, r)
	if err != nil {
		return nil, err
	}
	return image.FromSource(ctx, sys, src)
}

func (r *imageRef) NewImageSource(ctx context.Context, _ *types.SystemContext) (types.ImageSource, error) {
	return newSource(ctx, r)
}

func (r *imageRef) NewImageDestination(context.Context, *types.SystemContext) (types.ImageDestination, error) {
	return guarded{&destination{ref: r, pull: r.pull}, r.guard}, nil
}

func (r *imageRef) DeleteImage(context.Context, *types.SystemContext) error {
	return fmt.Errorf("deleting %q: %w", r.name, errNotHere)
}
