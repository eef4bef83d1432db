package runcspec

import (
	"errors"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Compile turns the text of an image's config.json into the spec of a bundle: it is
// Parse, Upgrade, Adapt and Check, and reports what is wrong with all of them at
// once. file is the text's name for errors. The error is or wraps a *SyntaxError,
// or joins *Violations.
func Compile(file string, data []byte, p Platform, h Host) (*specs.Spec, []Note, error) {
	spec, err := Parse(file, data)
	if spec == nil {
		return nil, nil, err
	}
	// Both of these are put before the mounts of the text where they are missing.
	added := missing(spec.Mounts, "/proc") + missing(spec.Mounts, "/dev")
	notes := Upgrade(spec, p)
	if adaptErr := Adapt(spec, h); adaptErr != nil {
		return nil, nil, errors.Join(err, adaptErr)
	}
	// Where the schema is broken already, the spec has only what could be read.
	checkErr := without(Violations(checkWith(spec, added)), Violations(err))
	if err := errors.Join(err, checkErr); err != nil {
		return nil, nil, err
	}
	return spec, notes, nil
}

// without joins the violations that are not about a place of the others.
func without(violations, others []*Violation) error {
	var errs []error
	for _, v := range violations {
		if !slices.ContainsFunc(others, func(o *Violation) bool { return related(v.Pointer, o.Pointer) }) {
			errs = append(errs, v)
		}
	}
	return errors.Join(errs...)
}

func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// missing returns 1 when nothing is mounted at destination, else 0.
func missing(mounts []specs.Mount, destination string) int {
	if slices.ContainsFunc(mounts, func(m specs.Mount) bool { return path.Join("/", m.Destination) == destination }) {
		return 0
	}
	return 1
}
