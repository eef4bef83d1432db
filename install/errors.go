package install

import (
	"errors"
	"fmt"
)

// ErrNotInstalled says that there is no container of that name.
var ErrNotInstalled = errors.New("not installed")

// ErrNoExports says that a directory does not hold what makes an image a system
// container.
var ErrNoExports = errors.New("there is no directory exports")

// UsageError is a request that can never work on any host: the words on the
// command line are wrong. Commands exit with status 2 for it, not 1.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// HintError is an error with advice for people: what to do about it.
type HintError struct {
	Err  error
	Text string
}

func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap returns the error that the advice is about.
func (e *HintError) Unwrap() error { return e.Err }

// Hint attaches advice to err. The advice is printed on a line of its own and is
// no part of the error's text.
func Hint(err error, format string, args ...any) error {
	return &HintError{Err: err, Text: fmt.Sprintf(format, args...)}
}
