package deployment

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/syscontainer/syscontainer/templates"
)

// HealthCheck is a command that, run in the container, tells whether it works: it does
// when the exit status is 0.
type HealthCheck struct {
	Exec []string `json:"exec"`
	// Interval is the pause between a check and the next one.
	Interval Duration `json:"interval"`
	// Timeout is how long a check may take; one that takes longer has failed.
	Timeout Duration `json:"timeout"`
	// Retries is how many checks in a row must fail before the container counts as broken.
	Retries int `json:"retries"`
	// StartPeriod is how long no failure counts.
	StartPeriod Duration `json:"start_period"`
}

// Duration is a time.Duration that JSON has as text, "1m30s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes it as time.ParseDuration reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

const (
	// maxPatience is how long it may take until a container counts as broken: a change
	// waits for that, and others for the change.
	maxPatience = time.Hour
	// maxExec is how many bytes the command may have, as for the kernel one argument may.
	maxExec = 128 << 10
)

// check returns why the health check is none that can be waited for. An image is not to
// keep the host locked.
func (h *HealthCheck) check() error {
	size := 0
	for _, arg := range h.Exec {
		size += len(arg) + 1
	}
	patience := float64(h.StartPeriod) + float64(h.Retries)*(float64(h.Interval)+float64(h.Timeout)) // never overflows
	switch {
	case size > maxExec:
		return fmt.Errorf("its command has %d bytes, and %d at most make sense", size, maxExec)
	case patience > float64(maxPatience):
		return fmt.Errorf("a container would count as broken only after more than %s: interval %s, timeout %s, retries %d, start period %s",
			Duration(maxPatience), h.Interval, h.Timeout, h.Retries, h.StartPeriod)
	}
	return nil
}

// ImageHealth is the health check of an image's own configuration, in docker's words and
// JSON: Test is NONE, CMD with the arguments, or CMD-SHELL with a line for the shell.
type ImageHealth struct {
	Test                           []string
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

// parse reads the image's health check: nil where it says that there is none.
func (h *ImageHealth) parse() (*HealthCheck, error) {
	if len(h.Test) == 0 || h.Test[0] == "NONE" {
		return nil, nil //nolint:nilnil // none is an ordinary answer here
	}
	check := &HealthCheck{
		// What is not said, or is no time at all, is what it is for docker.
		Interval:    Duration(cmp.Or(max(h.Interval, 0), 30*time.Second)),
		Timeout:     Duration(cmp.Or(max(h.Timeout, 0), 30*time.Second)),
		Retries:     cmp.Or(max(h.Retries, 0), 3),
		StartPeriod: Duration(max(h.StartPeriod, 0)),
	}
	switch rest := h.Test[1:]; {
	case h.Test[0] == "CMD" && len(rest) > 0 && rest[0] != "":
		check.Exec = rest
	case h.Test[0] == "CMD-SHELL" && len(rest) == 1:
		check.Exec = []string{"/bin/sh", "-c", rest[0]}
	default:
		return nil, fmt.Errorf("its Healthcheck %q is neither NONE nor CMD and CMD-SHELL with a command", h.Test)
	}
	return check, nil
}

// parseHealth reads the manifest's health check, whose command are templates still.
func parseHealth(h *templates.HealthCheck) (*HealthCheck, error) {
	if h == nil {
		return nil, nil //nolint:nilnil // none is an ordinary answer here
	}
	check := &HealthCheck{Exec: h.Exec, Retries: cmp.Or(h.Retries, 3)}
	return check, errors.Join(
		check.Interval.parse("interval", cmp.Or(h.Interval, "5s"), 1),
		check.Timeout.parse("timeout", cmp.Or(h.Timeout, "5s"), 1),
		check.StartPeriod.parse("startPeriod", cmp.Or(h.StartPeriod, "0s"), 0),
	)
}

// parse reads a duration of the manifest that must not be shorter than least.
func (d *Duration) parse(key, text string, least time.Duration) error {
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	key = "healthCheck." + key
	switch {
	case err != nil:
		return &templates.ManifestError{Key: key, Reason: fmt.Sprintf("%q is not a duration such as 5s, 500ms or 1m30s", text)}
	case parsed < least:
		return &templates.ManifestError{Key: key, Reason: fmt.Sprintf("%q is no time to wait", text)}
	}
	return nil
}

// compileHealthCheck plans how to tell whether the container works: as the manifest says
// or, for an image that knows nothing of us, as its own configuration does.
func (c *compiler) compileHealthCheck() error {
	check, err := c.healthCheck()
	if err != nil || check == nil {
		return err
	}
	if c.unit.Type() == "oneshot" {
		c.warn("the health check of %s is ignored: its unit is done when the container has ended", c.Image.Reference)
		return nil
	}
	c.plan.To.HealthCheck = check
	return nil
}

func (c *compiler) healthCheck() (*HealthCheck, error) {
	if c.health != nil {
		exec, err := c.manifest.HealthCheck.RenderExec(c.values)
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", manifestFile, c.Image.Reference, err)
		}
		check := *c.health
		check.Exec = exec
		if err := check.check(); err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", manifestFile, c.Image.Reference, &templates.ManifestError{Key: "healthCheck", Reason: err.Error()})
		}
		return &check, nil
	}
	plain, err := c.isPlain()
	if err != nil || !plain || c.Image.Health == nil {
		return nil, err
	}
	check, err := c.Image.Health.parse()
	if err == nil && check != nil {
		err = check.check()
	}
	if err != nil { // other programs that run the image go on without it as well
		c.warn("the health check of %s is ignored: %v", c.Image.Reference, err)
		return nil, nil //nolint:nilnil // none is an ordinary answer here
	}
	return check, nil
}
