package templates

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Format says how values must be written in a rendered file, so that they are
// values there and nothing else. No format takes a NUL byte: neither arguments,
// the environment nor a path can hold one.
type Format int

const (
	// Text takes values as they are.
	Text Format = iota

	// JSON escapes a value inside a JSON string. Outside of strings a value is
	// a fragment, pasted as it is: JSON text that closes what it opens, so that
	// it cannot reach beyond the array or object in which it stands; directly
	// after a colon it cannot add a member either. Values must be UTF-8, and
	// the whole must become valid JSON.
	JSON

	// Unit keeps a value on its line of a systemd unit: line breaks and what
	// would make the line a comment, a section header or continue it on the
	// next are refused, as are bytes that are not UTF-8, for which systemd
	// ignores a line; `%` is doubled. In Environment=, a value behind the equals
	// sign of an assignment stays in it, and systemd reads it back byte for
	// byte. A variable alone on a line may supply a whole directive, but only one.
	Unit

	// Tmpfiles does the same for tmpfiles.d, which has no continuation lines.
	Tmpfiles

	// EnvFile is for files of assignments that systemd or a shell reads. A value
	// in an assignment, with quotes around it or without, stays in it and is
	// read back byte for byte. A variable alone on a line may supply a whole
	// assignment, but only one.
	EnvFile
)

// encoder walks through a template and says how its values are written.
type encoder interface {
	// literal takes note of the text of the template up to the next value.
	literal(s string)

	// value encodes a value for the place that has been reached. The error
	// completes the sentence "the value …".
	value(v string) (string, error)
}

func (f Format) encoder() encoder {
	switch f {
	case JSON:
		return &jsonEncoder{}
	case Unit:
		return &unitEncoder{}
	case Tmpfiles:
		return lineEncoder{}
	case EnvFile:
		return &envEncoder{}
	case Text:
	}
	return textEncoder{}
}

type textEncoder struct{}

func (textEncoder) literal(string) {}

func (textEncoder) value(v string) (string, error) { return v, checkNUL(v) }

func checkNUL(v string) error {
	if strings.Contains(v, "\x00") {
		return errors.New("contains a NUL byte")
	}
	return nil
}

func checkUTF8(v string) error {
	if !utf8.ValidString(v) {
		return errors.New("is not valid UTF-8")
	}
	return checkNUL(v)
}
