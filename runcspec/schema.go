package runcspec

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// schemaFiles are the specification's own schema.
//
//go:embed schema/*.json
var schemaFiles embed.FS

const mainSchema = "config-schema.json"

// A schema holds a document against the specification's JSON schema. It knows the
// keywords of draft 4 that the specification uses, and a test sees to it that there
// are no others. The libraries that know them all take longer to load, at every
// start of the program, than this takes to do its work.
type schema struct {
	files      map[string]map[string]any
	violations []error
}

// checkSchema returns a *Violation for every place where a document, read with
// json.Number for its numbers, breaks the schema: in the order of keys and indexes.
func checkSchema(doc map[string]any) ([]error, error) {
	s := schema{files: map[string]map[string]any{}}
	for _, name := range []string{mainSchema, "config-linux.json", "defs.json", "defs-linux.json"} {
		data, err := schemaFiles.ReadFile("schema/" + name)
		if err != nil {
			return nil, err
		}
		var file map[string]any
		if err := decodeNumbers(data, &file); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		s.files[name] = file
	}
	s.loosen()
	s.check(place{file: mainSchema, rules: s.files[mainSchema]}, doc, "")
	return s.violations, nil
}

// loosen takes out of the schema the references to files that we do not have, and
// the one rule that is narrower than the specification's text and the runtimes:
// rslave and rshared, too, are ways to propagate mounts. Check has that rule.
func (s *schema) loosen() {
	properties := member(s.files[mainSchema], "properties")
	for _, platform := range otherPlatforms() {
		properties[platform] = map[string]any{}
	}
	delete(member(s.files["defs-linux.json"], "definitions", "RootfsPropagation"), "enum")
}

// otherPlatforms are the parts of a config.json that are not for Linux.
func otherPlatforms() []string { return []string{"freebsd", "solaris", "vm", "windows", "zos"} }

// A place is a part of the schema; references in it are relative to its file.
type place struct {
	file  string
	rules map[string]any
}

func (p place) sub(rules any) place {
	object, _ := rules.(map[string]any)
	return place{file: p.file, rules: object}
}

func (s *schema) violate(pointer, reason string, args ...any) {
	s.violations = append(s.violations, &Violation{Pointer: pointer, Reason: fmt.Sprintf(reason, args...)})
}

// check adds what is wrong with value, which stands at pointer, to the violations.
func (s *schema) check(p place, value any, pointer string) {
	if reference, ok := p.rules["$ref"].(string); ok { // nothing beside it counts
		s.check(s.follow(p, reference), value, pointer)
		return
	}
	for _, keyword := range []string{"allOf", "anyOf"} { // what has anyOf has one of them
		parts, _ := p.rules[keyword].([]any)
		for _, part := range parts {
			s.check(p.sub(part), value, pointer)
		}
	}
	if want, ok := p.rules["type"].(string); ok && !hasType(value, want) {
		s.violate(pointer, "is %s, want %s", described(value), want)
		return
	}
	if allowed, ok := p.rules["enum"].([]any); ok && !slices.ContainsFunc(allowed, func(a any) bool { return inJSON(a) == inJSON(value) }) {
		s.violate(pointer, "is %s, want one of %s", inJSON(value), listJSON(allowed))
	}
	switch value := value.(type) {
	case string:
		s.checkPattern(p, value, pointer)
	case json.Number:
		s.checkRange(p, value, pointer)
	case []any:
		for i, element := range value {
			s.check(p.sub(p.rules["items"]), element, at(pointer, i))
		}
		if least, ok := p.rules["minItems"].(json.Number); ok && least.String() == "1" && len(value) == 0 {
			s.violate(pointer, "must not be empty")
		}
	case map[string]any:
		s.checkObject(p, value, pointer)
	}
}

// follow finds what "defs.json#/definitions/Env" or "#/definitions/Env" refers to.
func (s *schema) follow(p place, reference string) place {
	file, pointer, _ := strings.Cut(reference, "#/")
	if file == "" {
		file = p.file
	}
	return place{file: file, rules: member(s.files[file], strings.Split(pointer, "/")...)}
}

func (s *schema) checkPattern(p place, value, pointer string) {
	pattern, ok := p.rules["pattern"].(string)
	if !ok {
		return
	}
	if matches, err := regexp.MatchString(pattern, value); err != nil || !matches {
		s.violate(pointer, "%q does not match %s", value, pattern)
	}
}

func (s *schema) checkRange(p place, value json.Number, pointer string) {
	n, isNumber := new(big.Float).SetPrec(128).SetString(value.String())
	least, _ := p.rules["minimum"].(json.Number)
	most, _ := p.rules["maximum"].(json.Number)
	if bound, ok := new(big.Float).SetPrec(128).SetString(least.String()); isNumber && ok && n.Cmp(bound) < 0 {
		s.violate(pointer, "%s is less than %s", value, least)
	}
	if bound, ok := new(big.Float).SetPrec(128).SetString(most.String()); isNumber && ok && n.Cmp(bound) > 0 {
		s.violate(pointer, "%s is more than %s", value, most)
	}
}

func (s *schema) checkObject(p place, value map[string]any, pointer string) {
	required, _ := p.rules["required"].([]any)
	for _, name := range required {
		if name, ok := name.(string); ok && value[name] == nil {
			s.violate(pointer+joinPointer(name), "is missing")
		}
	}
	known := member(p.rules, "properties")
	others := p.sub(p.rules["additionalProperties"])
	for _, name := range slices.Sorted(maps.Keys(value)) {
		at := pointer + joinPointer(name)
		if rules, ok := known[name]; ok {
			s.check(p.sub(rules), value[name], at)
		} else {
			s.check(others, value[name], at)
			s.checkSpelling(known, name, at)
		}
		for pattern, rules := range member(p.rules, "patternProperties") {
			if matches, err := regexp.MatchString(pattern, name); err == nil && matches {
				s.check(p.sub(rules), value[name], at)
			}
		}
	}
}

// checkSpelling refuses a key that differs from one of the specification in case only.
// Go's programs, runc among them, take it for that one, and others ignore it.
func (s *schema) checkSpelling(known map[string]any, name, pointer string) {
	for _, right := range slices.Sorted(maps.Keys(known)) {
		if strings.EqualFold(name, right) {
			s.violate(pointer, "is spelled %q in the specification", right)
		}
	}
}

func hasType(value any, want string) bool {
	number, isNumber := value.(json.Number)
	if want == "integer" {
		return isNumber && !strings.ContainsAny(number.String(), ".eE")
	}
	return typeOf(value) == want
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// described says what a value is: a number with its digits, for it may be an
// integer that is wanted.
func described(value any) string {
	if number, ok := value.(json.Number); ok {
		return "the number " + number.String()
	}
	return "of type " + typeOf(value)
}

func listJSON(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = inJSON(value)
	}
	return strings.Join(texts, ", ")
}

func inJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// member finds an object below doc, nil where there is none.
func member(doc map[string]any, names ...string) map[string]any {
	for _, name := range names {
		doc, _ = doc[name].(map[string]any)
	}
	return doc
}

// joinPointer writes a step of a JSON pointer, RFC 6901.
func joinPointer(step string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
}
