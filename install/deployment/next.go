package deployment

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/syscontainer/syscontainer/install/hint"
)

// Changes are what an update makes different from the deployment before, beside the
// newer image. The zero value changes nothing.
type Changes struct {
	Image     string            // another reference; "" keeps the one that was given
	Values    map[string]string // set in addition, or anew
	Exposed   map[string]string // see [Request]
	Unset     []string          // variables that get the image's default again
	Relations Relations         // a list that is not empty takes the place of the one from before
}

// Next returns the request for the deployment that comes after r. What the user set
// stays set, and what he did not is the new image's to say. secrets are those of r.
func (r *Record) Next(changes Changes, secrets map[string]string) (Request, error) {
	req := Request{
		Image:     r.Image.Given,
		Name:      r.Name,
		Values:    maps.Clone(r.Values),
		Exposed:   changes.Exposed,
		Carried:   maps.Clone(secrets),
		Relations: r.Relations.replaced(changes.Relations),
		NoEnable:  !r.Enabled && len(r.UnitNames()) > 0,
	}
	if changes.Image != "" {
		req.Image = changes.Image
	}
	if err := r.unset(req, changes); err != nil {
		return Request{}, err
	}
	if req.Values == nil {
		req.Values = map[string]string{}
	}
	for name, value := range changes.Values {
		delete(req.Carried, name)
		req.Values[name] = value
	}
	return req, req.Check(r.Name)
}

// unset takes the variables out of the request. One that is not set is an error: it
// is a typing mistake.
func (r *Record) unset(req Request, changes Changes) error {
	var wrong []error
	for _, name := range changes.Unset {
		_, set := req.Values[name]
		_, secret := req.Carried[name]
		if _, both := changes.Values[name]; both {
			wrong = append(wrong, &hint.UsageError{Err: fmt.Errorf("--unset %s: it is to be set as well", name)})
		} else if !set && !secret {
			wrong = append(wrong, fmt.Errorf("--unset %s: it is not set", name))
		}
		delete(req.Values, name)
		delete(req.Carried, name)
	}
	err := errors.Join(wrong...)
	if set := append(slices.Sorted(maps.Keys(r.Values)), r.Secrets...); err != nil && len(set) > 0 {
		return hint.Add(err, "set are: %s", strings.Join(set, ", "))
	}
	return err
}

// replaced returns the relations with those lists of other that are not empty.
func (r Relations) replaced(other Relations) Relations {
	for _, list := range []struct{ to, from *[]string }{
		{&r.After, &other.After}, {&r.Before, &other.Before}, {&r.Requires, &other.Requires}, {&r.Wants, &other.Wants},
	} {
		if len(*list.from) > 0 {
			*list.to = *list.from
		}
	}
	return r
}

// Equals reports whether two records describe the same deployment, whenever each was
// made and whatever stands beside the administrator's files. What is rendered for them,
// and mounted, is compared elsewhere: early records do not tell of it.
func (r *Record) Equals(other *Record) bool {
	one, err := r.comparable().Encode()
	two, otherErr := other.comparable().Encode()
	return errors.Join(err, otherErr) == nil && bytes.Equal(one, two)
}

func (r *Record) comparable() *Record {
	c := *r
	c.Created, c.Files = time.Time{}, r.withoutBeside()
	c.Rendered, c.MountPoints = nil, nil
	return &c
}
