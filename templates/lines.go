package templates

import (
	"errors"
	"strings"
)

// maxLine is the length at which systemd no longer reads a line, and with it
// the file.
const maxLine = 1 << 20

// lineEncoder writes values for files that systemd reads line by line.
type lineEncoder struct{ textEncoder }

func (lineEncoder) value(v string) (string, error) {
	if strings.ContainsAny(v, "\n\r") {
		return "", errors.New(reasonBreak)
	}
	return strings.ReplaceAll(v, "%", "%%"), checkUTF8(v)
}

// shape is what decides whether a line is a line of its own, and of what kind.
type shape struct {
	marker      byte // what begins a comment or a section header, or nothing
	backslashes int  // at the end: an odd number continues the line on the next
	tooLong     bool
}

// shapeOf counts every backslash at the end although an even number does not
// continue a line: not every reader of units knows that.
func shapeOf(line string, format Format) shape {
	s := shape{tooLong: len(line) >= maxLine}
	line = strings.Trim(line, " \t")
	if line != "" && strings.Contains("#;[", line[:1]) {
		s.marker = line[0]
	}
	if format == Unit {
		s.backslashes = len(line) - len(strings.TrimRight(line, `\`))
	}
	return s
}

// checkLines refuses values that change the shape of a line: with them it must
// be what it would be if every value were a single letter.
func (r rendering) checkLines(format Format) error {
	var bad faults
	plain := splitLines(r.withLetters())
	start := 0
	for i, line := range splitLines(string(r.text)) {
		is, should := shapeOf(line, format), shapeOf(plain[i], format)
		first := start + len(line) - len(strings.TrimLeft(line, " \t"))
		last := start + len(strings.TrimRight(line, " \t")) - 1
		end := start + len(line)
		switch {
		case is.marker != should.marker:
			bad.add(r.culprit(first, first), "would make its line a comment or a section header")
		case is.backslashes != should.backslashes:
			bad.add(r.culprit(last, end), "would end its line with a backslash, which joins the next line to it")
		case is.tooLong != should.tooLong:
			bad.add(r.culprit(last, end), "would make its line longer than systemd reads (1 MiB)")
		}
		start = end + 1
	}
	return bad.join()
}

// withLetters returns the text that would result if every value were "x".
func (r rendering) withLetters() string {
	var b strings.Builder
	for _, p := range r.template.parts {
		if p.name == "" {
			b.WriteString(p.literal)
		} else {
			b.WriteByte('x')
		}
	}
	return b.String()
}

// splitLines splits at each byte that ends a line for systemd, so that offsets
// stay what they are.
func splitLines(s string) []string {
	return strings.Split(strings.NewReplacer("\r", "\n", "\x00", "\n").Replace(s), "\n")
}
