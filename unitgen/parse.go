package unitgen

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// A Unit is a parsed unit file. Its zero value is an empty unit.
type Unit struct {
	settings []setting
}

type setting struct {
	file, section, key, value string
}

// ParseUnit reads the text of a unit file; file is its name for errors. It reads
// as systemd does (comments, also between continued lines; values without quotes
// removed), but is an error what systemd would skip with a warning: an assignment
// outside of a section, a line without "=", bytes that are not UTF-8. The error
// joins a *SyntaxError for every such line; the unit is then what all other lines say.
//
// The parser is our own because that of go-systemd knows no line numbers, lets a
// comment that ends in a backslash swallow the next line, and refuses lines of
// 2048 bytes, while systemd takes a megabyte.
func ParseUnit(file string, text []byte) (Unit, error) {
	p := parser{file: file}
	body := strings.TrimPrefix(string(text), "\ufeff")
	for number, line := range strings.Split(body, "\n") {
		p.take(number+1, strings.TrimSuffix(line, "\r"))
	}
	p.finish()
	return p.unit, errors.Join(p.errs...)
}

type parser struct {
	file    string
	section string
	unit    Unit
	errs    []error

	pending strings.Builder // a logical line whose end has not been seen
	begin   int             // number of its first line, 0 when there is none
}

// take adds one line of the file to the logical line that it belongs to.
func (p *parser) take(number int, line string) {
	if trimmed := strings.TrimLeft(line, " \t"); trimmed != "" && strings.Contains("#;", trimmed[:1]) {
		return
	}
	if p.begin == 0 {
		p.begin = number
	}
	if trailingBackslashes(line)%2 == 1 {
		p.pending.WriteString(line[:len(line)-1] + " ")
		return
	}
	p.pending.WriteString(line)
	p.finish()
}

func trailingBackslashes(s string) int {
	return len(s) - len(strings.TrimRight(s, `\`))
}

// finish interprets the logical line that take has gathered.
func (p *parser) finish() {
	line := strings.TrimSpace(p.pending.String())
	defer func() {
		p.pending.Reset()
		p.begin = 0
	}()
	key, value, assigned := strings.Cut(line, "=")
	switch {
	case line == "":
	case !utf8.ValidString(line):
		p.fail("the line is not valid UTF-8")
	case strings.ContainsFunc(line, isControl):
		p.fail("the line has a control character")
	case line[0] == '[' && len(line) > 2 && line[len(line)-1] == ']':
		p.section = line[1 : len(line)-1]
	case line[0] == '[':
		p.fail("the section header is incomplete")
	case !assigned:
		p.fail("the line has no \"=\"")
	case strings.TrimSpace(key) == "":
		p.fail("nothing is assigned to before \"=\"")
	case p.section == "":
		p.fail("the assignment stands before the first section")
	default:
		p.unit.settings = append(p.unit.settings,
			setting{p.file, p.section, strings.TrimSpace(key), strings.TrimSpace(value)})
	}
}

func (p *parser) fail(reason string) {
	p.errs = append(p.errs, &SyntaxError{File: p.file, Line: p.begin, Reason: reason})
}

// isControl finds what may not stand in a line of systemd's files; a tab may.
func isControl(r rune) bool {
	return r != '\t' && (r < ' ' || r == 0x7f)
}
