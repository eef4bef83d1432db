package templates

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is a parsed template. It does not change and may be used by several
// goroutines.
type Template struct {
	file  string
	parts []part
}

// part is a piece of a template: literal text or, with a name, a variable.
type part struct {
	at      Position
	literal string
	name    string
}

// Parse reads a template in the dialect of Python's string.Template: $NAME,
// ${NAME}, and $$ for a dollar sign; a name is [_a-zA-Z][_a-zA-Z0-9]*, as long
// as possible. Every other dollar sign is a [*SyntaxError]; all of them are
// joined in the error. The file name only serves messages.
func Parse(file string, text []byte) (*Template, error) {
	t := &Template{file: file}
	var errs []error
	at := t.start()
	for rest := string(text); rest != ""; {
		p, length := scan(rest)
		if length > 0 {
			p.at = at
			t.parts = append(t.parts, p)
		} else {
			errs = append(errs, &SyntaxError{Position: at, Text: badDollar(rest)})
			length = 1
		}
		at, rest = at.after(rest[:length]), rest[length:]
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// start returns the position at which the template begins.
func (t *Template) start() Position {
	return Position{File: t.file, Line: 1, Column: 1}
}

// scan returns the part at the beginning of s and its length in s, which is
// zero where a dollar sign begins nothing.
func scan(s string) (part, int) {
	rest, dollar := strings.CutPrefix(s, "$")
	if !dollar {
		literal, _, _ := strings.Cut(s, "$")
		return part{literal: literal}, len(literal)
	}
	if strings.HasPrefix(rest, "$") {
		return part{literal: "$"}, len("$$")
	}
	if braced, ok := strings.CutPrefix(rest, "{"); ok {
		name := identifier(braced)
		if name == "" || !strings.HasPrefix(braced[len(name):], "}") {
			return part{}, 0
		}
		return part{name: name}, len("${}") + len(name)
	}
	if name := identifier(rest); name != "" {
		return part{name: name}, len("$") + len(name)
	}
	return part{}, 0
}

// badDollar returns the dollar sign at the beginning of s and what follows it,
// up to the character that spoils it.
func badDollar(s string) string {
	end := len("$")
	if strings.HasPrefix(s, "${") {
		end = len("${") + len(identifier(s[len("${"):]))
	}
	_, size := utf8.DecodeRuneInString(s[end:])
	return s[:end+size]
}

// identifier returns the longest identifier at the beginning of s, if any.
func identifier(s string) string {
	end := 0
	for end < len(s) && (isLetter(s[end]) || end > 0 && isDigit(s[end])) {
		end++
	}
	return s[:end]
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Variables returns the names that the template uses, once each, in the order
// of their first appearance.
func (t *Template) Variables() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range t.parts {
		if p.name != "" && !seen[p.name] {
			seen[p.name] = true
			names = append(names, p.name)
		}
	}
	return names
}

// Render returns the template with its variables replaced, in one pass: a
// dollar sign in a value means nothing. Each value is encoded as the format
// asks; one that cannot be is a [*ValueError] (all of them joined, one per
// variable). Variables without a value are a [*MissingError], and a JSON
// template that does not become valid JSON is a [*JSONError].
func (t *Template) Render(format Format, values Values) ([]byte, error) {
	if err := t.Missing(values); err != nil {
		return nil, err
	}
	r, err := t.substitute(format.encoder(), values)
	if err == nil {
		err = r.check(format)
	}
	if err != nil {
		return nil, err
	}
	return r.text, nil
}

// Missing returns a [*MissingError] that names the variables without a value,
// nil if there are none.
func (t *Template) Missing(values Values) error {
	names, positions := t.first(func(name string) bool {
		_, ok := values[name]
		return !ok
	})
	if len(names) == 0 {
		return nil
	}
	return &MissingError{Variables: names, Positions: positions}
}

// Secrets returns a [*SecretError] that names the variables which are secret, nil
// if there are none.
func (t *Template) Secrets(secret func(name string) bool) error {
	names, positions := t.first(secret)
	if len(names) == 0 {
		return nil
	}
	return &SecretError{Variables: names, Positions: positions}
}

// first returns the variables that match, once each, and where each is first.
func (t *Template) first(match func(name string) bool) (names []string, positions []Position) {
	for _, p := range t.parts {
		if p.name != "" && match(p.name) && !slices.Contains(names, p.name) {
			names = append(names, p.name)
			positions = append(positions, p.at)
		}
	}
	return names, positions
}

// substitute puts the encoded values into the template.
func (t *Template) substitute(e encoder, values Values) (rendering, error) {
	r := rendering{template: t}
	var bad faults
	for _, p := range t.parts {
		r.starts = append(r.starts, len(r.text))
		if p.name == "" {
			e.literal(p.literal)
			r.text = append(r.text, p.literal...)
			continue
		}
		encoded, err := e.value(values[p.name])
		if err != nil {
			bad.add(p, err.Error())
		}
		r.text = append(r.text, encoded...)
	}
	return r, bad.join()
}
