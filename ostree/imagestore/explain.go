package imagestore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/manifest"
	ociarchive "github.com/containers/image/v5/oci/archive"
	ocilayout "github.com/containers/image/v5/oci/layout"
	"github.com/containers/image/v5/signature"
	istorage "github.com/containers/image/v5/storage"
	"github.com/containers/image/v5/types"
	"github.com/docker/distribution/registry/api/errcode"
	dockerv2 "github.com/docker/distribution/registry/api/v2"
	"github.com/docker/docker/client"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pullError finds the reason in an error of containers/image, and the part of
// its text that tells people something.
func pullError(reference string, err error) error {
	e := &PullError{Reference: reference, Err: err}
	for _, reason := range []error{ErrNoPolicy, ErrShortName, ErrPlatform, ErrNotImage, ErrStalled, ErrBadImage, ErrForm} {
		if errors.Is(err, reason) {
			e.Reason = reason
			e.Err = from(err, reason)
			return e
		}
	}
	if errors.Is(err, context.Canceled) { // whatever that led to
		return e
	}
	e.Reason, e.Err = classify(err)
	if text, ok := strings.CutPrefix(e.Err.Error(), "initializing source "+reference+": "); ok {
		e.Err = &reworded{text: text, err: e.Err}
	}
	return e
}

// from cuts what others wrapped around an error of ours.
func from(err, reason error) error {
	if i := strings.Index(err.Error(), reason.Error()); i > 0 {
		return &reworded{text: err.Error()[i:], err: err}
	}
	return err
}

// reworded is an error with a text that tells people more.
type reworded struct {
	text string
	err  error
}

func (s *reworded) Error() string { return s.text }

func (s *reworded) Unwrap() error { return s.err }

// reasons are the errors that containers/image documents, and ours for them; the first that is found counts.
var reasons = []struct {
	reason error
	// find returns the part of an error that tells people of the reason, or nil.
	find func(error) error
}{
	{ErrRejected, typed[signature.PolicyRequirementError]},
	{ErrNotImage, typed[manifest.NonImageArtifactError]},
	{ErrUntrusted, whole(isUntrusted)},
	{ErrBlocked, whole(isBlocked)},
	{ErrNoDocker, whole(client.IsErrConnectionFailed)},
	{ErrUnauthorized, refusedCredentials},
	{ErrUnknown, whole(registryHasNone)},
	{ErrUnauthorized, whole(registryDenies)},
	{nil, whole(isType[errcode.ErrorCoder])}, // what else a registry says in so many words
	{ErrUnauthorized, status(401, 403)},
	{ErrUnknown, status(404)},
	{ErrUnreachable, typed[*net.DNSError]},
	{ErrUnreachable, typed[*net.OpError]},
	{ErrUnknown, whole(isType[ocilayout.ImageNotFoundError])},
	{ErrUnknown, whole(isType[*ocilayout.ImageNotFoundError])},
	{ErrUnknown, whole(isType[ociarchive.ImageNotFoundError])},
	{ErrUnknown, whole(func(err error) bool { return errors.Is(err, istorage.ErrNoSuchImage) })},
	{ErrUnknown, whole(errdefs.IsNotFound)}, // Docker's
	{ErrUnknown, whole(noSuchTag)},
	{ErrUnknown, typed[ociarchive.ArchiveFileNotFoundError]},
	{ErrUnknown, missingFile},
	{ErrRejected, badSignature},
}

// classify finds the reason of an error, nil where none is known, and what of its text tells people something.
func classify(err error) (reason, detail error) {
	for _, r := range reasons {
		if detail := r.find(err); detail != nil {
			return r.reason, detail
		}
	}
	return nil, err
}

// typed finds an error of a type.
func typed[E error](err error) error {
	var found E
	if errors.As(err, &found) {
		return found
	}
	return nil
}

func isType[E any](err error) bool {
	var found E
	return errors.As(err, &found)
}

// whole finds an error of which no part tells more than all of it.
func whole(is func(error) bool) func(error) error {
	return func(err error) error {
		if is(err) {
			return err
		}
		return nil
	}
}

// status finds an answer that is nothing but its HTTP status.
func status(codes ...int) func(error) error {
	return func(err error) error {
		var answer docker.UnexpectedHTTPStatusError
		if errors.As(err, &answer) && slices.Contains(codes, answer.StatusCode) {
			return answer
		}
		return nil
	}
}

func refusedCredentials(err error) error {
	var refused docker.ErrUnauthorizedForCredentials
	if errors.As(err, &refused) {
		return refused.Err
	}
	return nil
}

func missingFile(err error) error {
	if file := typed[*fs.PathError](err); file != nil && errors.Is(file, fs.ErrNotExist) {
		return file
	}
	return nil
}

// rejectedPrefix begins what copy.Image says when the policy allows nothing.
const rejectedPrefix = "Source image rejected: "

// badSignature finds one that cannot be read, or is of a key that this program cannot.
func badSignature(err error) error {
	if _, text, found := strings.Cut(err.Error(), rejectedPrefix); found {
		return &reworded{text: text, err: err}
	}
	return nil
}

// isUntrusted tells that TLS brought no connection about.
func isUntrusted(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		connection  *net.OpError
	)
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return true
	case errors.As(err, &connection):
		return connection.Op == "remote error" // an alert, such as "certificate required"
	}
	return false
}

// isBlocked tells that registries.conf blocks the registry; the library has no
// type for that.
func isBlocked(err error) bool {
	text := err.Error()
	_, after, found := strings.Cut(text, "registry ")
	return found && strings.Contains(after, " is blocked in ")
}

// noSuchTag tells that an archive of Docker has another image; the library has no type
// for that either.
func noSuchTag(err error) bool {
	_, after, found := strings.Cut(err.Error(), "Tag \"")
	return found && strings.HasSuffix(after, "\" not found")
}

// registryHasNone tells that a registry says that it does not have the image.
func registryHasNone(err error) bool {
	return isCode(err, dockerv2.ErrorCodeManifestUnknown, dockerv2.ErrorCodeNameUnknown, dockerv2.ErrorCodeBlobUnknown)
}

// registryDenies tells that a registry says that this user may not.
func registryDenies(err error) bool {
	return isCode(err, errcode.ErrorCodeUnauthorized, errcode.ErrorCodeDenied)
}

func isCode(err error, codes ...errcode.ErrorCode) bool {
	var coded errcode.ErrorCoder
	return errors.As(err, &coded) && slices.Contains(codes, coded.ErrorCode())
}

// explainPlatform replaces the error of a list in which nothing fits by one that
// tells what there is. Any other error stays.
func explainPlatform(ctx context.Context, sys *types.SystemContext, ref types.ImageReference, err error) error {
	if !strings.Contains(err.Error(), "no image found in") {
		return err
	}
	source, serr := ref.NewImageSource(ctx, sys)
	if serr != nil {
		return err
	}
	defer source.Close()
	raw, mediaType, serr := source.GetManifest(ctx, nil)
	if serr != nil || !manifest.MIMETypeIsMultiImage(mediaType) {
		return err
	}
	return fmt.Errorf("%w: this host is linux/%s, the image has %s", ErrPlatform, runtime.GOARCH,
		strings.Join(platforms(raw), ", "))
}

func platform(p *imgspec.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}
