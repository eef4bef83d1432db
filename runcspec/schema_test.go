package runcspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

func TestSchemaIsThatOfTheModule(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("schema/*.json")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		ours, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%s is not that of the module", file)
		}
	}
}

func TestSchemaUsesNoKeywordThatWeDoNotKnow(t *testing.T) {
	known := []string{
		"$ref", "$schema", "additionalProperties", "allOf", "anyOf", "definitions", "description", "enum", "items",
		"maximum", "minItems", "minimum", "pattern", "patternProperties", "properties", "required", "type",
	}
	var walk func(file string, rules any)
	walk = func(file string, rules any) {
		object, ok := rules.(map[string]any)
		if !ok {
			t.Errorf("%s: %v is not an object of rules", file, rules)
		}
		for keyword, value := range object {
			if !slices.Contains(known, keyword) {
				t.Errorf("%s has the keyword %q", file, keyword)
			}
			switch value := value.(type) {
			case map[string]any:
				if keyword == "items" || keyword == "additionalProperties" {
					walk(file, value)
					continue
				}
				for _, inner := range value {
					walk(file, inner)
				}
			case []any:
				if keyword == "anyOf" && len(value) != 1 {
					t.Errorf("%s has a real choice", file)
				}
				for _, inner := range value {
					if keyword == "anyOf" || keyword == "allOf" {
						walk(file, inner)
					}
				}
			}
		}
	}
	for _, name := range []string{"config-schema.json", "defs.json", "defs-linux.json", "config-linux.json"} {
		doc := schemaFile(t, name)
		if name == "config-linux.json" {
			walk(name, doc["linux"])
			continue
		}
		walk(name, doc)
	}
}

func schemaFile(t testing.TB, name string) map[string]any {
	t.Helper()
	data, err := schemaFiles.ReadFile("schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := decodeNumbers(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// FuzzSchema shows that a library that knows all of JSON schema finds fault with the
// same documents, and at the same places.
func FuzzSchema(f *testing.F) {
	library := compileWithLibrary(f)
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"process":{"args":[1],"rlimits":[{"type":"X","soft":-1}],"cwd":null},"mounts":{},"annotations":{"":1}}`))
	f.Add([]byte(`{"ociVersion":true,"linux":{"namespaces":[{"type":"x","path":"a"}],"resources":{"devices":[{}]},"seccomp":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc map[string]any
		if decodeNumbers(data, &doc) != nil || doc == nil || hasFloats(doc) {
			return
		}
		violations, err := checkSchema(doc)
		if err != nil {
			t.Fatal(err)
		}
		var ours []string
		for _, v := range Violations(errors.Join(violations...)) {
			if !strings.Contains(v.Reason, "is spelled") { // which is our own rule
				ours = append(ours, v.Pointer)
			}
		}
		theirs := libraryPointers(library.Validate(doc))
		slices.Sort(ours)
		slices.Sort(theirs)
		if ours, theirs = slices.Compact(ours), slices.Compact(theirs); !slices.Equal(ours, theirs) {
			t.Errorf("we find fault with %q, the library with %q", ours, theirs)
		}
	})
}

// hasFloats finds numbers like 1.0 and 1e3: to the schema they are integers, to Go
// and to us they are not.
func hasFloats(value any) bool {
	switch value := value.(type) {
	case json.Number:
		return strings.ContainsAny(value.String(), ".eE") || len(value) > 30
	case []any:
		return slices.ContainsFunc(value, hasFloats)
	case map[string]any:
		for _, member := range value {
			if hasFloats(member) {
				return true
			}
		}
	}
	return false
}

func compileWithLibrary(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s := schema{files: map[string]map[string]any{}}
	for _, name := range []string{mainSchema, "config-linux.json", "defs.json", "defs-linux.json"} {
		s.files[name] = schemaFile(t, name)
	}
	s.loosen()
	compiler := jsonschema.NewCompiler()
	for name, doc := range s.files {
		if err := compiler.AddResource("schema:///"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := compiler.Compile("schema:///" + mainSchema)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func libraryPointers(err error) []string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	var pointers []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		var pointer strings.Builder
		for _, step := range e.InstanceLocation {
			pointer.WriteString(joinPointer(step))
		}
		if required, ok := e.ErrorKind.(*kind.Required); ok {
			for _, name := range required.Missing {
				pointers = append(pointers, pointer.String()+joinPointer(name))
			}
			return
		}
		pointers = append(pointers, pointer.String())
	}
	walk(invalid)
	return pointers
}
