package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Type says which values a variable may have.
type Type string

// The types that manifest.json knows. Numbers are decimal.
const (
	String  Type = "string"
	Int     Type = "int"  // of 64 bits
	Bool    Type = "bool" // true or false
	Port    Type = "port" // 1 to 65535
	URL     Type = "url"  // with a scheme and ://, without white space
	Path    Type = "path" // absolute, without ".."
	Choices Type = "enum" // one of Enum
)

// Setting describes a variable: an entry of values in manifest.json.
type Setting struct {
	Description string
	Type        Type
	Required    bool
	// Secret values are given to no template. They have no default.
	Secret bool
	// Default is the image's value; nil when it has none.
	Default *string
	Enum    []string
	// Pattern is a regular expression (RE2) for the whole value; "" for any.
	Pattern string
}

// Check returns an [*InvalidError] unless the value is one that the variable may
// have. An empty value means none, which all but required variables may have.
func (s Setting) Check(name, value string) error {
	if reason := s.fault(value); reason != "" {
		return &InvalidError{Variable: name, Reason: reason, Description: s.Description}
	}
	return nil
}

func (s Setting) fault(value string) string {
	switch {
	case value == "" && s.Required:
		return "is empty"
	case value == "":
		return ""
	case s.Pattern != "" && !regexp.MustCompile(whole(s.Pattern)).MatchString(value):
		return fmt.Sprintf("does not match %q", s.Pattern)
	}
	return s.typeFault(value)
}

func (s Setting) typeFault(value string) string {
	switch s.Type {
	case Int:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return "is not an integer"
		}
	case Bool:
		if value != "true" && value != "false" {
			return "is neither true nor false"
		}
	case Port:
		if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
			return "is not a port (1 to 65535)"
		}
	case URL:
		if !regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\x7f"<>\\^{|}` + "`" + `]+\z`).MatchString(value) {
			return "is not a URL (scheme://…)"
		}
	case Path:
		if _, err := cleanPath(value); err != nil {
			return strings.Replace(err.Error(), "must be", "is not", 1)
		}
	case Choices:
		if !slices.Contains(s.Enum, value) {
			return "is none of " + strings.Join(s.Enum, ", ")
		}
	case String:
	}
	return ""
}

// whole is a pattern that matches what pattern matches from end to end.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

// CheckValues checks values against what the image says of them. All that is
// wrong is joined: an [*InvalidError] for each value, and a [*RequiredError]
// with every required variable that has none.
func (m Manifest) CheckValues(values map[string]string) error {
	var errs []error
	var required RequiredError
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		setting := m.Values[name]
		value, ok := values[name]
		switch {
		case ok:
			errs = append(errs, setting.Check(name, value))
		case setting.Required:
			required.Variables = append(required.Variables, name)
		}
	}
	if len(required.Variables) > 0 {
		errs = append(errs, &required)
	}
	return errors.Join(errs...)
}

// Defaults returns the image's default values: those of values win over those of
// defaultValues, which programs read that do not know values.
func (m Manifest) Defaults() map[string]string {
	defaults := map[string]string{}
	maps.Copy(defaults, m.DefaultValues)
	for name, setting := range m.Values {
		if setting.Default != nil {
			defaults[name] = *setting.Default
		}
	}
	return defaults
}

// IsSecret says whether the image calls a variable's value a secret.
func (m Manifest) IsSecret(name string) bool { return m.Values[name].Secret }

func (m *Manifest) setValues(key string, raw json.RawMessage) error {
	var values map[string]json.RawMessage
	if err := decode(key, raw, "an object", &values); err != nil {
		return err
	}
	m.Values = make(map[string]Setting, len(values))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := fmt.Sprintf("%s[%q]", key, name)
		switch {
		case name == "" || identifier(name) != name:
			errs = append(errs, &ManifestError{Key: key, Reason: "is " + ErrName.Error()})
			continue
		case IsForced(name):
			errs = append(errs, &ManifestError{Key: key, Reason: "is a variable that nobody can set"})
			continue
		}
		setting, err := parseSetting(key, values[name])
		errs = append(errs, err)
		m.Values[name] = setting
	}
	return errors.Join(errs...)
}

// parseSetting reads one entry of values. What is wrong is joined.
func parseSetting(key string, raw json.RawMessage) (Setting, error) {
	var s Setting
	var fields map[string]json.RawMessage
	if err := decode(key, raw, "an object", &fields); err != nil {
		return s, err
	}
	var errs []error
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		errs = append(errs, s.set(key+"."+field, field, fields[field]))
	}
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	return s, s.complete(key)
}

func (s *Setting) set(key, field string, raw json.RawMessage) error {
	switch field {
	case "description":
		return decode(key, raw, "a string", &s.Description)
	case "type":
		return decode(key, raw, "a string", &s.Type)
	case "required":
		return decode(key, raw, "true or false", &s.Required)
	case "secret":
		return decode(key, raw, "true or false", &s.Secret)
	case "pattern":
		return decode(key, raw, "a string", &s.Pattern)
	case "enum":
		return s.setEnum(key, raw)
	case "default":
		return s.setDefault(key, raw)
	}
	return &ManifestError{Key: key, Reason: "is unknown (there are default, description, enum, pattern, required, secret and type)"}
}

func (s *Setting) setEnum(key string, raw json.RawMessage) error {
	var choices []json.RawMessage
	if err := decode(key, raw, "an array", &choices); err != nil {
		return err
	}
	for i, choice := range choices {
		if !isScalar(choice) || textOf(choice) == "" {
			return &ManifestError{Key: fmt.Sprintf("%s[%d]", key, i), Reason: "must be a string that is not empty, a number or a boolean"}
		}
		s.Enum = append(s.Enum, textOf(choice))
	}
	return nil
}

func (s *Setting) setDefault(key string, raw json.RawMessage) error {
	if kind(raw) == "null" {
		return nil
	}
	if !isScalar(raw) {
		return &ManifestError{Key: key, Reason: "must be a string, a number or a boolean, is " + kind(raw)}
	}
	text := textOf(raw)
	s.Default = &text
	return nil
}

func isScalar(raw json.RawMessage) bool {
	return slices.Contains([]string{"a string", "a number", "a boolean"}, kind(raw))
}

// complete fills in the type and checks what the fields say together.
func (s *Setting) complete(key string) error {
	if s.Type == "" {
		s.Type = String
		if len(s.Enum) > 0 {
			s.Type = Choices
		}
	}
	if !slices.Contains([]Type{String, Int, Bool, Port, URL, Path, Choices}, s.Type) {
		return &ManifestError{Key: key + ".type", Reason: fmt.Sprintf("%q is none of string, int, bool, port, url, path and enum", string(s.Type))}
	}
	// By itself a pattern may be fine that swallows what follows it, such as `\Qx`.
	for _, pattern := range []string{s.Pattern, whole(s.Pattern)} {
		if _, err := regexp.Compile(pattern); err != nil {
			return &ManifestError{Key: key + ".pattern", Reason: "is not a regular expression: " + err.Error()}
		}
	}
	switch {
	case (s.Type == Choices) != (len(s.Enum) > 0):
		return &ManifestError{Key: key + ".enum", Reason: "belongs to the type enum, which needs it"}
	case s.Default == nil:
		return nil
	case s.Secret:
		return &ManifestError{Key: key + ".default", Reason: "everybody can read the image, so that a secret cannot have a default"}
	case s.Required:
		return &ManifestError{Key: key + ".default", Reason: "what has a default is not required"}
	}
	if reason := s.fault(*s.Default); reason != "" {
		return &ManifestError{Key: key + ".default", Reason: reason}
	}
	return nil
}
