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
	for _, reason := range []error{ErrNoPolicy, ErrShortName, ErrPlatform, ErrNotImage, ErrStalled, ErrBadImage} {
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
		e.Err = &shortened{text: text, err: e.Err}
	}
	return e
}

// from cuts what others wrapped around an error of ours.
func from(err, reason error) error {
	if i := strings.Index(err.Error(), reason.Error()); i > 0 {
		return &shortened{text: err.Error()[i:], err: err}
	}
	return err
}

// shortened is an error with a shorter text.
type shortened struct {
	text string
	err  error
}

func (s *shortened) Error() string { return s.text }

func (s *shortened) Unwrap() error { return s.err }

// rejectedPrefix begins what copy.Image says when the policy allows nothing.
const rejectedPrefix = "Source image rejected: "

// classify maps the errors that containers/image documents to our reasons.
func classify(err error) (reason, detail error) {
	var (
		policy       signature.PolicyRequirementError
		credentials  docker.ErrUnauthorizedForCredentials
		registry     errcode.ErrorCoder
		status       docker.UnexpectedHTTPStatusError
		connection   *net.OpError
		name         *net.DNSError
		notInLayout  ocilayout.ImageNotFoundError
		notInLayout2 *ocilayout.ImageNotFoundError
		notInArchive ociarchive.ImageNotFoundError
		archive      ociarchive.ArchiveFileNotFoundError
		file         *fs.PathError
		artifact     manifest.NonImageArtifactError
	)
	switch {
	case errors.As(err, &policy):
		return ErrRejected, policy
	case errors.As(err, &artifact):
		return ErrNotImage, artifact
	case isUntrusted(err):
		return ErrUntrusted, err
	case isBlocked(err):
		return ErrBlocked, err
	case client.IsErrConnectionFailed(err):
		return ErrNoDocker, err
	case errors.As(err, &credentials):
		return ErrUnauthorized, credentials.Err
	case errors.As(err, &registry):
		return registryReason(registry.ErrorCode()), err
	case errors.As(err, &status) && (status.StatusCode == 401 || status.StatusCode == 403):
		return ErrUnauthorized, status
	case errors.As(err, &status) && status.StatusCode == 404:
		return ErrUnknown, status
	case errors.As(err, &name):
		return ErrUnreachable, name
	case errors.As(err, &connection):
		return ErrUnreachable, connection
	case errors.As(err, &notInLayout), errors.As(err, &notInLayout2), errors.Is(err, istorage.ErrNoSuchImage),
		errors.As(err, &notInArchive), errdefs.IsNotFound(err), noSuchTag(err): // IsNotFound is Docker's
		return ErrUnknown, err
	case errors.As(err, &archive):
		return ErrUnknown, archive
	case errors.As(err, &file) && errors.Is(file, fs.ErrNotExist):
		return ErrUnknown, file
	case strings.Contains(err.Error(), rejectedPrefix):
		// A signature that cannot be read, or one of a key that this program cannot.
		_, text, _ := strings.Cut(err.Error(), rejectedPrefix)
		return ErrRejected, &shortened{text: text, err: err}
	}
	return nil, err
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

func registryReason(code errcode.ErrorCode) error {
	switch code {
	case dockerv2.ErrorCodeManifestUnknown, dockerv2.ErrorCodeNameUnknown, dockerv2.ErrorCodeBlobUnknown:
		return ErrUnknown
	case errcode.ErrorCodeUnauthorized, errcode.ErrorCodeDenied:
		return ErrUnauthorized
	}
	return nil
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
