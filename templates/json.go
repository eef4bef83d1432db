package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"
)

// jsonEncoder writes values for the place in a JSON text that it has reached.
type jsonEncoder struct{ scanner jsonScanner }

func (e *jsonEncoder) literal(s string) { e.scanner.scan(s) }

func (e *jsonEncoder) value(v string) (string, error) {
	if err := checkUTF8(v); err != nil {
		return "", err
	}
	switch {
	case e.scanner.escape > 0:
		return "", errors.New(reasonEscape)
	case e.scanner.inString:
		return escapeJSON(v), nil
	case e.scanner.last == ':' && hasComma(v):
		return "", errors.New("holds more than the one JSON value that its place takes")
	case !isBalanced(v):
		return "", errors.New("opens or closes a JSON string, array or object that it does not close or open")
	}
	e.scanner.scan(v)
	return v, nil
}

// escapeJSON returns v as it is written between the quotes of a JSON string.
func escapeJSON(v string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a string in memory: nothing can fail
	return string(b.Bytes()[len(`"`) : b.Len()-len("\"\n")])
}

// isBalanced says whether a fragment closes what it opens, and nothing else.
func isBalanced(fragment string) bool {
	var s jsonScanner
	s.scan(fragment)
	return !s.inString && s.depth == 0 && s.lowest == 0
}

// hasComma says whether a fragment separates members or elements of what it
// stands in.
func hasComma(fragment string) bool {
	var s jsonScanner
	s.scan(fragment)
	return s.comma
}

// jsonScanner knows as much of JSON as is needed to tell where a value lands.
// Its zero value stands at the beginning of a text.
type jsonScanner struct {
	inString bool
	escape   int  // how many bytes the escape sequence still takes
	depth    int  // of arrays and objects, against the beginning
	lowest   int  // the lowest depth so far
	comma    bool // one was seen at depth zero
	last     byte // the last byte of structure that is not white space
}

func (s *jsonScanner) scan(text string) {
	for i := range len(text) {
		if s.inString {
			s.scanString(text[i])
		} else {
			s.scanStructure(text[i])
		}
	}
}

func (s *jsonScanner) scanString(c byte) {
	switch {
	case s.escape > 0 && c == 'u':
		s.escape = len("0000")
	case s.escape > 0:
		s.escape--
	case c == '\\':
		s.escape = 1
	case c == '"':
		s.inString = false
	}
}

func (s *jsonScanner) scanStructure(c byte) {
	switch c {
	case ' ', '\t', '\n', '\r':
		return
	case '"':
		s.inString = true
	case '[', '{':
		s.depth++
	case ']', '}':
		s.depth--
		s.lowest = min(s.lowest, s.depth)
	case ',':
		s.comma = s.comma || s.depth == 0
	}
	s.last = c
}

// checkJSON returns a *JSONError unless the text is valid JSON.
func (r rendering) checkJSON() error {
	offset, reason := jsonFault(r.text)
	if reason == "" {
		return nil
	}
	return &JSONError{Position: r.position(offset), Reason: reason, Fragments: r.fragments(offset)}
}

// fragments returns the variables outside of JSON strings up to offset. What
// is a fragment depends on literal text alone, since fragments are balanced.
func (r rendering) fragments(offset int) []string {
	var names []string
	var s jsonScanner
	for i := range r.partAt(offset) + 1 {
		p := r.template.parts[i]
		s.scan(p.literal)
		if p.name != "" && !s.inString && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// jsonFault says what makes a text invalid JSON, if anything, and where.
func jsonFault(text []byte) (offset int, reason string) {
	if offset = invalidUTF8(text); offset < len(text) {
		return offset, "text that is not UTF-8"
	}
	var fault *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &fault) {
		return max(int(fault.Offset)-1, 0), fault.Error()
	}
	return 0, ""
}

// invalidUTF8 returns where a text stops being UTF-8; its length if nowhere.
func invalidUTF8(text []byte) int {
	offset := 0
	for offset < len(text) {
		r, size := utf8.DecodeRune(text[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return offset
}
