package imagestore

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// ErrNotFound says that the repo does not have the image.
var ErrNotFound = errors.New("no such image in the repo")

// The reasons of a [*PullError].
var (
	// ErrUnknown: the registry, or the file, does not have that image.
	ErrUnknown = errors.New("image not known")
	// ErrForm: the file is not what its transport reads.
	ErrForm = errors.New("no image in that form")
	// ErrUnreachable: no connection to the registry.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrNoDocker: the Docker of docker-daemon: does not run, or not for this user.
	ErrNoDocker = errors.New("no connection to Docker")
	// ErrUnauthorized: credentials are missing or were refused.
	ErrUnauthorized = errors.New("access denied")
	// ErrRejected: policy.json does not allow the image.
	ErrRejected = errors.New("rejected by policy")
	// ErrNoPolicy: there is no policy.json, or it cannot be read.
	ErrNoPolicy = errors.New("no usable policy.json")
	// ErrShortName: a short name means nothing, or could mean several images.
	ErrShortName = errors.New("short name not resolved")
	// ErrPlatform: the image is not for this host.
	ErrPlatform = errors.New("image is not for this platform")
	// ErrNotImage: it is there, and is something else than an image that can be read.
	ErrNotImage = errors.New("not an image that can be stored")
	// ErrStalled: the registry answered, and then said nothing more.
	ErrStalled = errors.New("registry stalled")
	// ErrUntrusted: the registry's certificate is not one that this host trusts, or it
	// does not trust ours.
	ErrUntrusted = errors.New("no trusted connection")
	// ErrBlocked: registries.conf forbids the registry.
	ErrBlocked = errors.New("registry is blocked")
	// ErrBadImage: the image contradicts itself or cannot be stored.
	ErrBadImage = layers.ErrBroken
)

// ErrNoRecord says that a layer cannot be pushed: an older version stored it, without
// what its tar stream had besides files. Pulling the image again brings it.
var ErrNoRecord = layers.ErrNoRecord

// ErrNoTransport says that a destination does not begin with a transport.
var ErrNoTransport = errors.New("it begins with no transport, such as docker://")

// ErrNoPath says that nothing follows the transport of a file.
var ErrNoPath = errors.New("it has no path")

// PullError says why a pull, a push, or a look at what could be pulled, did not succeed. The repo is as it was before.
type PullError struct {
	// Reference is what was to be pulled, resolved as far as possible.
	Reference string
	// Reason is one of the sentinels above; nil when none fits.
	Reason error
	// Err has the detail.
	Err error

	verb string // what was being done; "" is pulling
}

// maxDetail is how much of an error people are shown.
const maxDetail = 2000

// Error names the reference, the reason and the detail on one line.
func (e *PullError) Error() string {
	detail := strings.Join(strings.Fields(e.Err.Error()), " ")
	if len(detail) > maxDetail { // others quote whole documents
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	if e.Reason == nil || errors.Is(e.Err, e.Reason) {
		return fmt.Sprintf("%s %q: %s", cmp.Or(e.verb, "pulling"), e.Reference, detail)
	}
	return fmt.Sprintf("%s %q: %s: %s", cmp.Or(e.verb, "pulling"), e.Reference, e.Reason, detail)
}

// Unwrap gives errors.Is both the reason and the detail.
func (e *PullError) Unwrap() []error {
	if e.Reason == nil {
		return []error{e.Err}
	}
	return []error{e.Reason, e.Err}
}

// badImage is an error about the image's own content.
func badImage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBadImage, fmt.Errorf(format, args...))
}

// InUseError says that an image cannot be removed.
type InUseError struct {
	Reference string
	// Containers use the image, sorted.
	Containers []string
}

// Error names the containers.
func (e *InUseError) Error() string {
	what := "container"
	if len(e.Containers) > 1 {
		what = "containers"
	}
	return fmt.Sprintf("image %q is in use by the %s %s", e.Reference, what, strings.Join(e.Containers, ", "))
}

// AmbiguousError says that several images have an ID or a digest that begins as
// asked for.
type AmbiguousError struct {
	Prefix string
	// Matches are the IDs, each with a name.
	Matches []string
}

// Error lists the images.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q could be several images: %s", e.Prefix, strings.Join(e.Matches, ", "))
}

// ManyNamesError says that an image has several names, where one is wanted.
type ManyNamesError struct {
	ID    string
	Names []string
}

// Error lists the names.
func (e *ManyNamesError) Error() string {
	return fmt.Sprintf("image %.19s has several names: %s", e.ID, strings.Join(e.Names, ", "))
}
