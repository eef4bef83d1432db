package ociruntime

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Error is a runtime, or a process that it ran, that has ended with another status than 0.
type Error struct {
	Code int    // exit status; -1 when a signal ended it
	Line string // the last that it said; may be empty
}

func (e *Error) Error() string {
	text := fmt.Sprintf("exit status %d", e.Code)
	if e.Code < 0 {
		text = "ended by a signal"
	}
	if e.Line != "" {
		text += ": " + e.Line
	}
	return text
}

// killDelay is what a runtime gets to notice that its process was killed, and what such a
// process leaves gets to close its output.
const killDelay = 2 * time.Second

// run runs a command of a runtime to its end. When ctx has ended it, the error is the cause.
func run(ctx context.Context, cmd *exec.Cmd) error {
	var said tail
	cmd.Stderr = &said
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return &Error{Code: exit.ExitCode(), Line: said.lastLine()}
	}
	return err
}

// tail keeps the last of what is written to it.
type tail struct{ text []byte }

const maxTail = 4096

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-maxTail):]...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	return len(p), nil
}

// maxLine is how many characters of a line people want to see in an error.
const maxLine = 300

// lastLine is the last line that is not blank, fit for a terminal.
func (t *tail) lastLine() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), string(utf8.RuneError)))
	line := []rune(strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]))
	line = line[:min(len(line), maxLine)]
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(line))
}
