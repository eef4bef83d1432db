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
// in the order in which they appear first. Its text has a line for each.
type MissingError struct {
	Variables []string
	Positions []Position // of their first appearances
}

func (e *MissingError) Error() string {
	return lines(e.Positions, func(i int) string { return "no value for $" + e.Variables[i] })
}

// SecretError names every variable of a template whose value is a secret, as
// MissingError does for those without a value.
type SecretError struct {
	Variables []string
	Positions []Position // of their first appearances
}

func (e *SecretError) Error() string {
	return lines(e.Positions, func(i int) string {
		return "$" + e.Variables[i] + " is a secret, and others could read it here"
	})
}

// lines writes a message behind each position.
func lines(positions []Position, message func(i int) string) string {
	text := make([]string, len(positions))
	for i, at := range positions {
		text[i] = at.String() + ": " + message(i)
	}
	return strings.Join(text, "\n")
}

// InvalidError is a value that the image's description of its variable does not
// allow.
type InvalidError struct {
	Variable    string
	Reason      string // completes "the value of X …"; does not show the value
	Description string // the image's words for the variable; may be empty
}

func (e *InvalidError) Error() string { return "the value of $" + e.Variable + " " + e.Reason }

// RequiredError names, in order, the variables that must have a value and have
// none.
type RequiredError struct {
	Variables []string
}

func (e *RequiredError) Error() string { return "no value for " + dollars(e.Variables) }

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
