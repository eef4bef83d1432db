package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// HealthCheck is a command that tells whether a container works, as the manifest has
// it. Durations are as they are written, "5s", and "" where none is said; how long that
// is, is the reader's to know.
type HealthCheck struct {
	// Exec are the command's arguments, each a template.
	Exec                           []string
	Interval, Timeout, StartPeriod string
	// Retries is how many checks in a row must fail; 0 where nothing is said.
	Retries int
}

// RenderExec returns the command with its variables replaced. The error joins what is
// wrong with any of its arguments.
func (h HealthCheck) RenderExec(values Values) ([]string, error) {
	args := make([]string, len(h.Exec))
	var errs []error
	for i, text := range h.Exec {
		t, err := Parse(execFile(i), []byte(text))
		var arg []byte
		if err == nil {
			arg, err = t.Render(Text, values)
		}
		if err == nil && i == 0 && len(arg) == 0 {
			err = &ManifestError{Key: execKey(i), Reason: "is the program, and empty"}
		}
		args[i], errs = string(arg), append(errs, err)
	}
	return args, errors.Join(errs...)
}

func (h HealthCheck) templates() []*Template {
	var list []*Template
	for i, text := range h.Exec {
		if t, err := Parse(execFile(i), []byte(text)); err == nil {
			list = append(list, t)
		}
	}
	return list
}

const healthCheckKey = "healthCheck"

func execKey(i int) string { return fmt.Sprintf("%s.exec[%d]", healthCheckKey, i) }

func execFile(i int) string { return manifestFile + " " + execKey(i) }

// setHealthCheck reads the health check. Unlike values it may have keys that a later
// version knows.
func (m *Manifest) setHealthCheck(key string, raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := decode(key, raw, "an object", &fields); err != nil || fields == nil {
		return err
	}
	h := &HealthCheck{}
	m.HealthCheck = h
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		key, raw := key+"."+name, fields[name]
		switch name {
		case "exec":
			errs = append(errs, h.setExec(key, raw))
		case "interval":
			errs = append(errs, decode(key, raw, `a duration such as "5s"`, &h.Interval))
		case "timeout":
			errs = append(errs, decode(key, raw, `a duration such as "5s"`, &h.Timeout))
		case "startPeriod":
			errs = append(errs, decode(key, raw, `a duration such as "5s"`, &h.StartPeriod))
		case "retries":
			errs = append(errs, h.setRetries(key, raw))
		default:
			m.UnknownKeys = append(m.UnknownKeys, key)
		}
	}
	if _, there := fields["exec"]; !there {
		errs = append(errs, &ManifestError{Key: key + ".exec", Reason: "is missing: the program to run and its arguments"})
	}
	return errors.Join(errs...)
}

func (h *HealthCheck) setExec(key string, raw json.RawMessage) error {
	var args []json.RawMessage
	if err := decode(key, raw, "an array of the program and its arguments", &args); err != nil {
		return err
	}
	if len(args) == 0 {
		return &ManifestError{Key: key, Reason: "is empty: the program to run and its arguments"}
	}
	var errs []error
	for i, raw := range args {
		if kind(raw) != "a string" {
			errs = append(errs, &ManifestError{Key: execKey(i), Reason: "must be a string, is " + kind(raw)})
			continue
		}
		text := textOf(raw)
		if strings.Contains(text, "\x00") {
			errs = append(errs, &ManifestError{Key: execKey(i), Reason: "has a NUL byte, which no argument can hold"})
		}
		_, err := Parse(execFile(i), []byte(text))
		errs = append(errs, err)
		h.Exec = append(h.Exec, text)
	}
	return errors.Join(errs...)
}

// setRetries takes numbers as JSON writes whole ones; null counts as absent.
func (h *HealthCheck) setRetries(key string, raw json.RawMessage) error {
	if kind(raw) == "null" {
		return nil
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 1 || n > math.MaxInt32 {
		return &ManifestError{Key: key, Reason: "must be a whole number from 1, is " + textOf(raw)}
	}
	h.Retries = n
	return nil
}
