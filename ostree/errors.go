package ostree

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrFinished is returned by the methods of a [Txn] that was committed or
// aborted.
var ErrFinished = errors.New("the transaction has ended")

// ErrIncomplete is returned by the Commit of a [Txn] in which a write failed.
var ErrIncomplete = errors.New("not all of the transaction could be written")

// Error is a failure that libostree or GLib reported.
//
// errors.Is finds [fs.ErrNotExist], [fs.ErrExist], [unix.ENOSPC] and [context.Canceled] in the
// errors that mean the same.
type Error struct {
	// Domain is GLib's name for the family, such as "g-io-error-quark".
	Domain string
	// Code is the number within the domain.
	Code int
	// Message is the text as libostree worded it.
	Message string
}

// Error returns the message alone.
func (e *Error) Error() string { return e.Message }

// Codes of the domain g-io-error-quark, which are part of GLib's stable API.
const (
	ioDomain    = "g-io-error-quark"
	ioNotFound  = 1
	ioExists    = 2
	ioNoSpace   = 12
	ioCancelled = 19
)

// Is maps GLib's codes to the sentinels of the standard library.
func (e *Error) Is(target error) bool {
	if e.Domain != ioDomain {
		return false
	}
	if target == unix.ENOSPC { // min-free-space has no code of its own
		return e.Code == ioNoSpace || strings.Contains(e.Message, "min-free-space")
	}
	switch e.Code {
	case ioNotFound:
		return target == fs.ErrNotExist
	case ioExists:
		return target == fs.ErrExist
	case ioCancelled:
		return target == context.Canceled
	}
	return false
}

// tooManyLinks tells the error of an object that can have no further name. GLib
// has a code of that name, which it uses for symlinks.
func tooManyLinks(err error) bool {
	var e *Error
	return errors.As(err, &e) && strings.HasSuffix(strings.ToLower(e.Message), unix.EMLINK.Error())
}
