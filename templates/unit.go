package templates

import (
	"errors"
	"fmt"
	"strings"
)

// unitEncoder writes values for systemd units. Most settings take a value as it
// is, but for `%`; in an assignment of Environment= it is written so that
// systemd reads it back byte for byte, whatever it is.
type unitEncoder struct{ scanner unitScanner }

func (e *unitEncoder) literal(s string) { e.scanner.scan(s) }

func (e *unitEncoder) value(v string) (string, error) {
	word := e.scanner.word
	if !e.scanner.inEnvironment() {
		encoded, err := lineEncoder{}.value(v)
		e.scanner.scan(encoded)
		return encoded, err
	}
	if err := checkUTF8(v); err != nil {
		return "", err
	}
	switch {
	case len(v) >= maxVariable:
		return "", errors.New(reasonVariable)
	case word.escape:
		return "", errors.New(reasonEscape)
	case word.assigned || word.quote != 0:
		encoded := word.escaped(v)
		e.scanner.scan(encoded)
		return encoded, nil
	case word.inside && strings.IndexFunc(v, isNoNamePart) >= 0:
		return "", errors.New("is part of the name of a variable and holds more than letters, digits and _")
	}
	return e.assignments(v)
}

// assignments writes a value that stands where an assignment could begin: it
// is none, one or several of them, in the syntax of units.
func (e *unitEncoder) assignments(v string) (string, error) {
	encoded, err := lineEncoder{}.value(v)
	if err != nil {
		return "", err
	}
	e.scanner.scan(encoded)
	if e.scanner.word.escape || e.scanner.word.quote != 0 {
		return "", errors.New("opens a quote or begins an escape sequence that it does not end")
	}
	return encoded, nil
}

func isNoNamePart(r rune) bool { return r > 0x7f || !isLetter(byte(r)) && !isDigit(byte(r)) }

// unitScanner follows a unit as far as is needed to know where in the words of
// Environment= a value lands. Its zero value stands at the beginning of a unit.
type unitScanner struct {
	key     string // of the logical line, up to the equals sign
	inValue bool   // behind it
	begun   bool   // the physical line holds more than blanks
	comment bool   // the physical line is one
	joins   bool   // a backslash came last, which joins the next line
	hasCR   bool   // a carriage return came last

	word wordScanner
}

func (s *unitScanner) inEnvironment() bool {
	return s.inValue && !s.comment && strings.TrimSpace(s.key) == "Environment"
}

func (s *unitScanner) scan(text string) {
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '\n' && s.hasCR: // one line break
		case c == '\n' || c == '\r':
			s.endLine()
		default:
			s.inLine(c)
		}
		s.hasCR = c == '\r'
	}
}

// endLine ends a physical line. Comments are left out even between lines that
// are joined.
func (s *unitScanner) endLine() {
	switch {
	case s.comment:
	case s.joins:
		s.word.escape = false
		s.word.next(' ')
	default:
		*s = unitScanner{}
	}
	s.begun, s.comment, s.joins = false, false, false
}

func (s *unitScanner) inLine(c byte) {
	if !s.begun && c != ' ' && c != '\t' {
		s.begun = true
		s.comment = c == '#' || c == ';'
	}
	if s.comment {
		return
	}
	s.joins = c == '\\' && !s.joins
	switch {
	case s.inValue:
		s.word.next(c)
	case c == '=':
		s.inValue = true
	default:
		s.key += string(rune(c))
	}
}

// wordScanner splits a line into words as systemd does. Its zero value stands
// before a word.
type wordScanner struct {
	inside   bool // of a word
	assigned bool // the word has had its equals sign
	quote    byte // that is open
	escape   bool // a backslash came last
}

func (w *wordScanner) next(c byte) {
	switch {
	case w.escape:
		w.escape = false
	case c == '\\':
		w.inside, w.escape = true, true
	case w.quote != 0 && c == w.quote:
		w.quote = 0
	case w.quote == 0 && (c == '"' || c == '\''):
		w.inside, w.quote = true, c
	case w.quote == 0 && (c == ' ' || c == '\t'):
		*w = wordScanner{}
	default:
		w.inside = true
		w.assigned = w.assigned || c == '='
	}
}

// escaped writes a value as a part of the word, in the escape sequences of C.
func (w *wordScanner) escaped(v string) string {
	var b strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c == '%':
			b.WriteString("%%")
		case c == '\n':
			b.WriteString(`\n`)
		case (c == '"' || c == '\'') && (w.quote == 0 || w.quote == c):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f || c == '\\' || c == ' ' && w.quote == 0:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
