package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/hint"
)

// printError writes err as people are to read it: what went wrong on the first
// line, and advice on lines of its own.
func printError(w io.Writer, err error) {
	lines := strings.Split(strings.TrimSpace(printable(err.Error())), "\n")
	fmt.Fprintf(w, "syscontainer: %s\n", lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(w, "  %s\n", line)
	}
	for _, hint := range hints(err) {
		fmt.Fprintf(w, "hint: %s\n", strings.ReplaceAll(printable(hint), "\n", "\n      "))
	}
}

// hints collects the advice in err, outermost first.
func hints(err error) []string {
	var found []string
	if hint, ok := err.(*hint.Error); ok { //nolint:errorlint // one link of the chain at a time
		found = append(found, hint.Text)
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // see above
		for _, err := range many.Unwrap() {
			found = append(found, hints(err)...)
		}
		return found
	}
	if inner := errors.Unwrap(err); inner != nil {
		found = append(found, hints(inner)...)
	}
	return found
}

// resultWriter writes what is printable, and remembers that a result could not be written, so that a script
// does not take half a list for a whole one.
type resultWriter struct {
	to  io.Writer
	err error
}

func (w *resultWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, printable(string(p))); err != nil {
		if w.err == nil {
			w.err = fmt.Errorf("writing the result: %w", err)
		}
		return 0, err
	}
	return len(p), nil
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON"}
}

// output is where a command's result goes, and in which form.
type output struct {
	stdout, stderr io.Writer
	json           bool
}

func outputOf(c *cli.Context) output {
	return output{stdout: c.App.Writer, stderr: c.App.ErrWriter, json: c.Bool("json")}
}

// print writes a result: as JSON, or as people wants it.
func (o output) print(result any, people func(w io.Writer)) error {
	if o.json {
		return printJSON(o.stdout, result)
	}
	people(o.stdout)
	return nil
}

func (o output) warn(text string) {
	fmt.Fprintf(o.stderr, "syscontainer: warning: %s\n", strings.ReplaceAll(printable(text), "\n", "\n  "))
}

// printJSON writes value in the form of --json: indented, with stable keys.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// table writes rows, at once, in columns that are as wide as need be.
func table(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	const gap = 2
	var text strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	fmt.Fprint(w, text.String())
}
