package imagestore

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/containers/image/v5/copy"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
	"github.com/docker/distribution/registry/api/errcode"
)

const (
	// copyRetries is how often a copy begins anew for reasons that may pass.
	copyRetries = 3
	// DefaultRetryPause comes before the first of them, and twice as much before
	// each that follows.
	DefaultRetryPause = time.Second
)

// copy brings the image into the pull's transaction and commits it. Layers that
// have come stay while it tries again.
func (p *pull) copy(ctx context.Context, sys *types.SystemContext, policy *signature.PolicyContext, ref types.ImageReference) error {
	options := p.store.options
	pause := cmp.Or(options.RetryPause, DefaultRetryPause)
	for retry := 0; ; retry++ {
		cause, err := p.copyOnce(ctx, sys, policy, ref)
		if err == nil || retry == copyRetries || ctx.Err() != nil || !isRegistry(ref) || !p.mayPass(cause) {
			return err
		}
		p.store.log.WarnContext(ctx, "the registry fails; trying again", "reference", canonical(ref), "after", pause, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// isRegistry tells that a network lies in between; a file is the same a second later.
func isRegistry(ref types.ImageReference) bool {
	return ref.Transport().Name() == docker.Transport.Name()
}

// copyOnce is one attempt of copy. cause is what went wrong in the end: what the
// unpacking of a layer says of a stream that was cut is no help.
func (p *pull) copyOnce(ctx context.Context, sys *types.SystemContext, policy *signature.PolicyContext, ref types.ImageReference) (cause, err error) {
	options := p.store.options
	ctx, g := newGuard(ctx, ref, cmp.Or(options.StallTimeout, DefaultStallTimeout))
	defer g.close()
	dest := &imageRef{pull: p, name: canonical(ref), guard: g}
	_, err = copy.Image(ctx, policy, dest, &sourceRef{ImageReference: ref, guard: g}, &copy.Options{
		RemoveSignatures: true, // checked before, not stored
		ReportWriter:     options.Progress,
		SourceCtx:        sys,
		DestinationCtx:   sys,

		OptimizeDestinationImageAlreadyExists: true,
	})
	return g.explain(ctx, err)
}

// mayPass tells errors that may be gone a moment later. That nobody can connect to the
// registry is one only when it gave something before: it is rather a name that is wrong.
func (p *pull) mayPass(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return transient(err) || len(p.found) > 0 && unreachable(err)
}

// transient tells errors of a registry that may be gone a moment later.
func transient(err error) bool {
	var (
		status docker.UnexpectedHTTPStatusError
		code   errcode.ErrorCoder
	)
	switch {
	case isFinal(err):
		return false
	case errors.Is(err, ErrStalled), errors.Is(err, docker.ErrTooManyRequests):
		return true
	case errors.As(err, &status):
		return transientStatus(status.StatusCode)
	case errors.As(err, &code):
		return transientStatus(code.ErrorCode().Descriptor().HTTPStatusCode)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return true
	}
	return strings.Contains(err.Error(), "stream error: ") || strings.Contains(err.Error(), "http2: server sent GOAWAY")
}

// unreachable tells that nobody answers at an address.
func unreachable(err error) bool {
	var timeout net.Error
	switch {
	case isFinal(err):
		return false
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return true
	}
	return errors.As(err, &timeout) && timeout.Timeout()
}

// isFinal tells errors that no repetition helps against.
func isFinal(err error) bool {
	var credential docker.ErrUnauthorizedForCredentials
	var rejected signature.PolicyRequirementError
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrBadImage) || errors.As(err, &credential) || errors.As(err, &rejected)
}

func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
