package templates

import (
	"errors"
	"strings"
)

// maxVariable is what the kernel takes as one string of a program's environment
// (128 KiB), less than it by what a name may need.
const maxVariable = 127 << 10

// Reasons that are given in more than one format.
const (
	reasonBreak    = "contains a line break"
	reasonEscape   = "would become part of the escape sequence that the backslash before it begins"
	reasonVariable = "is longer than a variable of the environment can be (127 KiB)"
)

// envPlace is where in an environment file a byte stands, as systemd reads it.
type envPlace int

const (
	envLineStart envPlace = iota
	envKey
	envValueStart // behind the equals sign, and behind a closing quote
	envValue
	envValueEscape
	envSingle
	envDouble
	envDoubleEscape
	envComment
	envCommentEscape
)

// envEncoder writes values for files of assignments that both systemd
// (EnvironmentFile=) and shells read. Where their rules differ, a value is
// written in a way that both understand.
type envEncoder struct{ scanner envScanner }

func (e *envEncoder) literal(s string) { e.scanner.scan(s) }

func (e *envEncoder) value(v string) (string, error) {
	if err := checkUTF8(v); err != nil {
		return "", err
	}
	if len(v) >= maxVariable {
		return "", errors.New(reasonVariable)
	}
	encoded, err := e.encode(v)
	if err == nil {
		e.scanner.scan(encoded)
	}
	return encoded, err
}

func (e *envEncoder) encode(v string) (string, error) {
	switch e.scanner.place {
	case envValueEscape, envDoubleEscape, envCommentEscape:
		return "", errors.New(reasonEscape)
	case envDouble:
		return escapeEach(v, "\\\"`$"), nil
	case envSingle:
		return strings.ReplaceAll(v, "'", `'"'"'`), nil
	case envValueStart, envValue:
		return e.unquoted(v)
	case envLineStart:
		return v, checkAssignment(v)
	case envKey, envComment:
		return v, checkOutside(v)
	}
	return v, nil
}

// unquoted writes a value outside of quotes: plain characters as they are,
// every other one behind a backslash.
func (e *envEncoder) unquoted(v string) (string, error) {
	if strings.ContainsAny(v, "\n\r") {
		return "", errors.New(reasonBreak + ", which needs quotes around the variable")
	}
	encoded := escapeUnless(v, isPlain)
	if e.scanner.shellQuote != 0 && encoded != v {
		return "", errors.New("is not plain, and its place is in quotes for a shell but not for systemd")
	}
	return encoded, nil
}

// checkAssignment checks a value that stands where a line begins. It may be an
// assignment of its own, or nothing.
func checkAssignment(v string) error {
	if strings.ContainsAny(v, "\n\r") {
		return errors.New(reasonBreak)
	}
	if trimmed := strings.TrimLeft(v, " \t"); trimmed != "" && strings.Contains("#;", trimmed[:1]) {
		return errors.New("would make its line a comment")
	}
	var s envScanner
	s.scan(v)
	switch s.place {
	case envLineStart, envKey, envValueStart, envValue:
		if s.shellQuote == 0 {
			return nil
		}
	case envValueEscape, envSingle, envDouble, envDoubleEscape, envComment, envCommentEscape:
	}
	return errors.New("opens a quote or begins an escape sequence that it does not end")
}

// checkOutside checks a value that stands in a comment or before an equals sign.
func checkOutside(v string) error {
	switch {
	case strings.ContainsAny(v, "\n\r"):
		return errors.New(reasonBreak)
	case strings.HasSuffix(v, `\`):
		return errors.New("ends with a backslash, which may join the next line to its own")
	}
	return nil
}

// isPlain tells the characters that mean nothing to systemd and to shells,
// wherever in a value they stand.
func isPlain(c byte) bool {
	return c >= 0x80 || isLetter(c) || isDigit(c) || strings.IndexByte("%+,-./:=@^_", c) >= 0
}

// escapeEach puts a backslash before each byte of s that is one of special.
func escapeEach(s, special string) string {
	return escapeUnless(s, func(c byte) bool { return strings.IndexByte(special, c) < 0 })
}

func escapeUnless(s string, plain func(byte) bool) string {
	var b strings.Builder
	for i := range len(s) {
		if !plain(s[i]) {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// envScanner follows an environment file as systemd reads it. Its zero value
// stands at the beginning of a file.
type envScanner struct {
	place envPlace

	// shellQuote is the quote that a shell has seen open in a value in which
	// systemd takes quotes for ordinary characters; 0 when there is none.
	shellQuote byte
}

func (s *envScanner) scan(text string) {
	for i := range len(text) {
		s.place = s.after(text[i])
		if s.place != envValue && s.place != envValueEscape {
			s.shellQuote = 0
		}
	}
}

// after returns the place behind the byte c.
func (s *envScanner) after(c byte) envPlace {
	newline := c == '\n' || c == '\r'
	switch s.place {
	case envValueStart, envValue:
		return s.afterUnquoted(c)
	case envValueEscape:
		return envValue
	case envDoubleEscape:
		return envDouble
	case envSingle:
		if c == '\'' {
			return envValueStart
		}
	case envDouble:
		if c == '"' {
			return envValueStart
		}
		if c == '\\' {
			return envDoubleEscape
		}
	case envComment:
		if c == '\\' {
			return envCommentEscape
		}
		if newline {
			return envLineStart
		}
	case envCommentEscape:
		return envComment
	case envLineStart, envKey:
		return s.afterKey(c)
	}
	return s.place
}

func (s *envScanner) afterKey(c byte) envPlace {
	switch {
	case c == '\n' || c == '\r':
		return envLineStart
	case s.place == envLineStart && (c == '#' || c == ';'):
		return envComment
	case s.place == envLineStart && (c == ' ' || c == '\t'):
		return envLineStart
	case s.place == envKey && c == '=':
		return envValueStart
	}
	return envKey
}

func (s *envScanner) afterUnquoted(c byte) envPlace {
	switch c {
	case '\n', '\r':
		return envLineStart
	case '\\':
		return envValueEscape
	case '\'', '"':
		if s.place == envValue {
			s.toggle(c)
			return envValue
		}
		if c == '"' {
			return envDouble
		}
		return envSingle
	case ' ', '\t':
		return s.place
	}
	return envValue
}

// toggle takes note of a quote that only a shell takes for one.
func (s *envScanner) toggle(quote byte) {
	switch s.shellQuote {
	case 0:
		s.shellQuote = quote
	case quote:
		s.shellQuote = 0
	}
}
