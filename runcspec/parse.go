package runcspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Parse reads a config.json, of this version of the specification or of one from
// before 1.0, and holds it against the specification's schema; file is its name
// for errors. Keys that the specification does not have, and those for other
// platforms than Linux, are dropped. What only we demand is not checked: Check
// does that.
//
// The error is or wraps a *SyntaxError, or joins a *Violation for each breach of
// the schema. With the latter there is a spec all the same, of what could be read,
// so that Check can tell what else is wrong.
func Parse(file string, data []byte) (*specs.Spec, error) {
	if err := checkSyntax(file, data); err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := decodeNumbers(data, &doc); err != nil || doc == nil {
		return nil, fmt.Errorf("reading %s: %w", file, &Violation{Reason: "the text is not a JSON object"})
	}
	modernize(doc)
	violations, err := checkSchema(doc)
	if err != nil {
		return nil, fmt.Errorf("checking %s against the schema: %w", file, err)
	}
	spec, err := decode(doc)
	switch {
	case len(violations) > 0: // among them what decode stumbled over
		return spec, errors.Join(violations...)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return spec, nil
}

// decodeNumbers keeps numbers as they are written: an rlimit may be 2^64-1.
func decodeNumbers(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// decode fills a spec from the generic JSON. After a value of the wrong type it
// goes on with the next.
func decode(doc map[string]any) (*specs.Spec, error) {
	modern, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	spec := new(specs.Spec)
	return spec, asViolation(json.Unmarshal(modern, spec))
}

// Marshal writes a config.json: indented, with a newline at the end, and the same
// bytes for the same spec.
func Marshal(spec *specs.Spec) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(spec); err != nil {
		return nil, fmt.Errorf("writing config.json: %w", err)
	}
	return text.Bytes(), nil
}

func checkSyntax(file string, data []byte) error {
	if !utf8.Valid(data) {
		return syntaxError(file, data, validPrefix(data), "the text is not valid UTF-8")
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The offset is that behind the byte that is wrong, or the end of the text.
		offset := int(syntax.Offset) - 1
		if syntax.Offset == int64(len(data)) && strings.HasPrefix(err.Error(), "unexpected end") {
			offset = len(data)
		}
		return syntaxError(file, data, offset, err.Error())
	}
	return err
}

func syntaxError(file string, data []byte, offset int, reason string) error {
	before := data[:max(offset, 0)]
	return &SyntaxError{
		File:   file,
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: len(before) - bytes.LastIndexByte(before, '\n'),
		Reason: reason,
	}
}

// validPrefix returns how many bytes stand before the first that is not UTF-8.
func validPrefix(data []byte) int {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// asViolation says of a value of the wrong type where it is. Its offset would be
// that in the modernised text.
func asViolation(err error) error {
	var typeErr *json.UnmarshalTypeError
	if !errors.As(err, &typeErr) {
		return err
	}
	return &Violation{
		Pointer: "/" + strings.ReplaceAll(typeErr.Field, ".", "/"),
		Reason:  fmt.Sprintf("is a %s, want %s", typeErr.Value, typeErr.Type),
	}
}
