// Package hint is about what people are told beside an error: advice that is no part
// of its text, and whose fault it is.
package hint

import "fmt"

// UsageError is a request that can never work on any host: the words on the
// command line are wrong. Commands exit with status 2 for it, not 1.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// Error is an error with advice for people: what to do about it.
type Error struct {
	Err  error
	Text string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that the advice is about.
func (e *Error) Unwrap() error { return e.Err }

// Add attaches advice to err. The advice is printed on a line of its own and is
// no part of the error's text.
func Add(err error, format string, args ...any) error {
	return &Error{Err: err, Text: fmt.Sprintf(format, args...)}
}
