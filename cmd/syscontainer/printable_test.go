package main

import (
	"errors"
	"strings"
	"testing"
)

func TestNothingThatATerminalObeysIsPrinted(t *testing.T) {
	const hostile = "a\x1b[2J\x7f\u009b\u202e\x9bé\n\tb"
	const shown = `a\u001b[2J\u007f\u009b\u202e\u009bé` + "\n\tb"
	if got := printable(hostile); got != shown {
		t.Errorf("got %q", got)
	}
	var results, problems strings.Builder
	w := &resultWriter{to: &results}
	if n, err := w.Write([]byte(hostile)); n != len(hostile) || err != nil || results.String() != shown {
		t.Errorf("wrote %q, %d, %v", results.String(), n, err)
	}
	printError(&problems, errors.New(hostile))
	output{stderr: &problems}.warn(hostile)
	if strings.ContainsAny(problems.String(), "\x1b\x7f\u009b") || strings.Contains(problems.String(), "\n\tb") {
		t.Errorf("got %q", problems.String())
	}
}
