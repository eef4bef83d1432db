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
// before 1.0; file is its name for errors. Keys that the specification does not
// have are dropped. What is read is not checked: Check does that. The error is or
// wraps a *SyntaxError or a *Violation.
func Parse(file string, data []byte) (*specs.Spec, error) {
	if err := checkSyntax(file, data); err != nil {
		return nil, err
	}
	modern, err := modernize(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	spec := new(specs.Spec)
	if err := json.Unmarshal(modern, spec); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, asViolation(err))
	}
	spec.Version = modernVersion(spec.Version)
	return spec, nil
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
