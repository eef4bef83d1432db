package runcspec

import (
	"errors"
	"fmt"
)

// ErrNoCommand is returned for an image that says neither Entrypoint nor Cmd.
var ErrNoCommand = errors.New("the image has neither Entrypoint nor Cmd, so there is nothing to run")

// A SyntaxError is text that is not JSON.
type SyntaxError struct {
	File         string
	Line, Column int // counted from 1; columns in bytes
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// A Violation is a part of a config.json that breaks the specification or one of
// our promises.
type Violation struct {
	Pointer string // JSON pointer (RFC 6901), e.g. /mounts/3/destination; "" is the whole
	Reason  string
	Hint    string // what to do about it; "" where the reason says it all
}

func (v *Violation) Error() string {
	if v.Pointer == "" {
		return v.Reason
	}
	return v.Pointer + ": " + v.Reason
}

// A Note is a part of a config.json that was changed, or that works with some
// runtimes only.
type Note struct {
	Pointer string
	Text    string
}

func (n Note) String() string { return n.Pointer + ": " + n.Text }

// Violations returns those that an error joins or wraps, in their order.
func Violations(err error) []*Violation {
	switch e := err.(type) { //nolint:errorlint // the tree is walked here, link by link
	case nil:
		return nil
	case *Violation:
		return []*Violation{e}
	case interface{ Unwrap() error }:
		return Violations(e.Unwrap())
	case interface{ Unwrap() []error }:
		var list []*Violation
		for _, inner := range e.Unwrap() {
			list = append(list, Violations(inner)...)
		}
		return list
	}
	return nil
}
