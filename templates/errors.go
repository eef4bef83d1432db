package templates

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrAssignment says that a text is not of the form NAME=value.
var ErrAssignment = errors.New("not an assignment of the form NAME=value")

// ErrName says that a text cannot be the name of a variable.
var ErrName = errors.New("not a variable name (letters, digits and _, no digit first, ASCII only)")

// Position is a place in a file as people count: lines and columns from 1,
// columns in characters.
type Position struct {
	File         string
	Line, Column int
}

func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// after returns the position behind s, if s stands at p.
func (p Position) after(s string) Position {
	if last := strings.LastIndexByte(s, '\n'); last >= 0 {
		p.Line += strings.Count(s, "\n")
		p.Column = 1
		s = s[last+1:]
	}
	p.Column += utf8.RuneCountInString(s)
	return p
}

// SyntaxError is a dollar sign that begins neither a variable nor `$$`.
type SyntaxError struct {
	Position

	// Text is the dollar sign with what follows it.
	Text string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s: %q is not a variable (a dollar sign is written $$)", e.Position, e.Text)
}

// MissingError names every variable of a template that has no value, once each,
// in the order in which they appear.
type MissingError struct {
	File      string
	Variables []string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: no value for %s", e.File, dollars(e.Variables))
}

// ValueError is a value that cannot be represented where a template wants it.
type ValueError struct {
	Position // of the variable in the template

	Variable string
	Reason   string // completes "the value of X …"; does not show the value
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s: the value of $%s %s", e.Position, e.Variable, e.Reason)
}

// JSONError is text that is not valid JSON: a manifest, or a template with its
// values in place. The position is that in the file which people can edit, the
// template; if the fault lies in a value, the position of its variable.
type JSONError struct {
	Position

	Reason string

	// Fragments are the variables that stand outside JSON strings, up to the
	// fault: their values are part of the JSON and may be what is wrong.
	Fragments []string
}

func (e *JSONError) Error() string {
	message := fmt.Sprintf("%s: invalid JSON: %s", e.Position, e.Reason)
	if len(e.Fragments) > 0 {
		message += fmt.Sprintf(" (check the value of %s)", dollars(e.Fragments))
	}
	return message
}

// ManifestError is a setting of manifest.json that is well-formed JSON but not
// what its key asks for.
type ManifestError struct {
	Key    string // as in renameFiles["/usr/bin/x"]; empty for the whole manifest
	Reason string
}

func (e *ManifestError) Error() string {
	if e.Key == "" {
		return manifestFile + ": " + e.Reason
	}
	return manifestFile + ": " + e.Key + ": " + e.Reason
}

// ForcedError names, in order, the variables that somebody tried to set though
// their values are not for users to choose.
type ForcedError struct {
	Variables []string
}

func (e *ForcedError) Error() string {
	return fmt.Sprintf("setting %s: the value is fixed and cannot be set", strings.Join(e.Variables, ", "))
}

// dollars lists names as a template writes them.
func dollars(names []string) string {
	return "$" + strings.Join(names, ", $")
}
