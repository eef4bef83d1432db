package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/syscontainer/syscontainer/install/hint"
)

const (
	// startPatience is how long a service may take to become ready that has no limit
	// of its own.
	startPatience = 10 * time.Minute
	// lookInterval is how often a service is looked at that has to prove itself. What
	// happens in between is known from how often it was restarted.
	lookInterval = 250 * time.Millisecond
)

// prove has t.To run and returns why it is not to be kept: its units have to become
// ready, and the service has to stay up as long as t.Soak.
func (in *Installer) prove(ctx context.Context, t transition) error {
	unit := t.To.Unit
	status, err := in.Services.Status(ctx, unit)
	if err != nil {
		return err
	}
	starting, cancel := ctx, context.CancelFunc(func() {})
	if status.StartTimeout == 0 {
		starting, cancel = context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("it was not ready within %v", startPatience))
	}
	err = in.rerun(starting, t.restarts())
	cancel()
	if err != nil {
		return err
	}
	return in.explain(ctx, unit, in.soak(ctx, t))
}

// soak watches a service that is ready until it passes its health check and has stayed
// up for t.Soak, and returns why it did not.
func (in *Installer) soak(ctx context.Context, t transition) error {
	probing, cancel := context.WithCancel(ctx)
	defer cancel()
	healthy, over := make(chan error, 1), make(chan error, 1)
	go func() { healthy <- in.awaitHealth(probing, t.To) }()
	if err := in.watch(ctx, t.To.Unit, healthy); err != nil {
		return err
	}
	timer := time.AfterFunc(t.Soak, func() { over <- nil })
	defer timer.Stop()
	return in.watch(ctx, t.To.Unit, over)
}

// watch looks at a service until the channel says that it is over, and once more then.
// It returns what the channel said, or what is wrong with the service.
func (in *Installer) watch(ctx context.Context, unit string, over <-chan error) error {
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for last := false; ; {
		status, err := in.Services.Status(ctx, unit)
		if err != nil {
			return err
		}
		if status.hasEnded() {
			return nil
		}
		if err := status.check(unit); err != nil || last {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-over:
			if err != nil {
				return err
			}
			last = true
		case <-look.C:
		}
	}
}

// hasEnded reports whether the service is one that does its work and ends, and did.
func (s Status) hasEnded() bool {
	return s.Type == "oneshot" && s.Active == "inactive" && s.Result == "success"
}

// check returns why a service that was ready is none that works.
func (s Status) check(unit string) error {
	switch {
	case s.Restarts > 0:
		return fmt.Errorf("%s ended after it was ready, and was started again", unit)
	case s.Active == "active", s.Active == "reloading", s.Active == "":
		return nil
	case s.Result != "" && s.Result != "success":
		return fmt.Errorf("%s was ready, and is %s now: %s", unit, s.Active, s.Result)
	}
	return fmt.Errorf("%s was ready, and is %s now", unit, s.Active)
}

// KnownBadError says that an image failed before.
type KnownBadError struct {
	Digest string
	Why    string
}

func (e *KnownBadError) Error() string {
	return fmt.Sprintf("%s failed before: %s", e.Digest, e.Why)
}

// condemn remembers that the new deployment's image failed. An image that works with
// other values is not to blame.
func (in *Installer) condemn(t transition, reason error) {
	bad := t.To.Image.Digest
	if bad == t.From.Image.Digest || errors.Is(reason, context.Canceled) {
		return
	}
	h, err := in.readHistory(t.Name)
	if err == nil {
		if h.Bad == nil {
			h.Bad = map[string]string{}
		}
		h.Bad[bad], _, _ = strings.Cut(reason.Error(), "\n")
		err = in.writeHistory(t.Name, h)
	}
	if err != nil {
		in.Log.Warn("remembering that an image failed", "container", t.Name, "image", bad, "error", err)
	}
}

// checkKnownBad refuses an image that failed before.
func (in *Installer) checkKnownBad(name, digest string) error {
	h, err := in.readHistory(name)
	if err != nil {
		return err
	}
	why, bad := h.Bad[digest]
	if !bad {
		return nil
	}
	return hint.Add(&KnownBadError{Digest: digest, Why: why}, "to try it once more: syscontainer update --retry %s", name)
}
