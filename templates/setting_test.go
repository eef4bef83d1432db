package templates

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func mustManifest(t *testing.T, text string) Manifest {
	t.Helper()
	m, err := ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseSettings(t *testing.T) {
	m := mustManifest(t, `{"values": {
		"A": {"description": "the a", "type": "port", "default": 80},
		"B": {"enum": ["x", 1, true], "required": true},
		"C": {"secret": true, "default": null, "pattern": "[a-z]+"},
		"D": {"type": "bool", "default": false},
		"E": {}
	}}`)
	eighty, no := "80", "false"
	for name, want := range map[string]Setting{
		"A": {Description: "the a", Type: Port, Default: &eighty},
		"B": {Type: Choices, Enum: []string{"x", "1", "true"}, Required: true},
		"C": {Type: String, Secret: true, Pattern: "[a-z]+"},
		"D": {Type: Bool, Default: &no},
		"E": {Type: String},
	} {
		got := m.Values[name]
		if (got.Default == nil) != (want.Default == nil) || got.Default != nil && *got.Default != *want.Default {
			t.Errorf("%s: got the default %v", name, got.Default)
		}
		if got.Description != want.Description || got.Type != want.Type || got.Required != want.Required ||
			got.Secret != want.Secret || got.Pattern != want.Pattern || !slices.Equal(got.Enum, want.Enum) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	if !m.IsSecret("C") || m.IsSecret("A") || m.IsSecret("unknown") {
		t.Error("IsSecret is wrong")
	}
}

func TestParseSettingsErrors(t *testing.T) {
	const readable = "everybody can read the image, so that a secret cannot have a default"
	for text, want := range map[string]string{
		`"x"`:                                                 `values: must be an object, is a string`,
		`{"A": 1}`:                                            `values["A"]: must be an object, is a number`,
		`{"A-B": {}}`:                                         `values["A-B"]: is not a variable name (letters, digits and _, no digit first, ASCII only)`,
		`{"": {}}`:                                            `values[""]: is not a variable name (letters, digits and _, no digit first, ASCII only)`,
		`{"NAME": {}}`:                                        `values["NAME"]: is a variable that nobody can set`,
		`{"A": {"typ": "int"}}`:                               `values["A"].typ: is unknown (there are default, description, enum, pattern, required, secret and type)`,
		`{"A": {"Type": "int"}}`:                              `values["A"].Type: is unknown (there are default, description, enum, pattern, required, secret and type)`,
		`{"A": {"type": "integer"}}`:                          `values["A"].type: "integer" is none of string, int, bool, port, url, path and enum`,
		`{"A": {"type": 1}}`:                                  `values["A"].type: must be a string, is a number`,
		`{"A": {"description": []}}`:                          `values["A"].description: must be a string, is an array`,
		`{"A": {"required": "yes"}}`:                          `values["A"].required: must be true or false, is a string`,
		`{"A": {"secret": 1}}`:                                `values["A"].secret: must be true or false, is a number`,
		`{"A": {"pattern": "("}}`:                             "values[\"A\"].pattern: is not a regular expression: error parsing regexp: missing closing ): `(`",
		`{"A": {"pattern": "\\Qx"}}`:                          "values[\"A\"].pattern: is not a regular expression: error parsing regexp: missing closing ): `\\A(?:\\Qx)\\z`",
		`{"A": {"enum": {}}}`:                                 `values["A"].enum: must be an array, is an object`,
		`{"A": {"enum": [[]]}}`:                               `values["A"].enum[0]: must be a string that is not empty, a number or a boolean`,
		`{"A": {"enum": [""]}}`:                               `values["A"].enum[0]: must be a string that is not empty, a number or a boolean`,
		`{"A": {"type": "enum"}}`:                             `values["A"].enum: belongs to the type enum, which needs it`,
		`{"A": {"type": "int", "enum": [1]}}`:                 `values["A"].enum: belongs to the type enum, which needs it`,
		`{"A": {"default": {}}}`:                              `values["A"].default: must be a string, a number or a boolean, is an object`,
		`{"A": {"default": "x", "type": "int"}}`:              `values["A"].default: is not an integer`,
		`{"A": {"default": "x", "pattern": "y"}}`:             `values["A"].default: does not match "y"`,
		`{"A": {"default": "x", "secret": true}}`:             `values["A"].default: ` + readable,
		`{"A": {"default": "x", "required": true}}`:           `values["A"].default: what has a default is not required`,
		`{"A": {}, "A": {}}`:                                  `values["A"]: is there twice`,
		`{"A": {"type": "int", "type": "port"}}`:              `values["A"]["type"]: is there twice`,
		`{"A": {"secret": true}}, "defaultValues": {"A": ""}`: `defaultValues["A"]: ` + readable,
		`{"A": {"secret": 1}, "B": {"x": 1}}`: `values["A"].secret: must be true or false, is a number` + "\n" +
			`manifest.json: values["B"].x: is unknown (there are default, description, enum, pattern, required, secret and type)`,
	} {
		_, err := ParseManifest([]byte(`{"values": ` + text + `}`))
		var wrong *ManifestError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: got %v", text, err)
			continue
		}
		if got := err.Error(); got != "manifest.json: "+want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestSettingCheck(t *testing.T) {
	for _, tt := range []struct {
		setting   Setting
		good, bad []string
	}{
		{Setting{Type: String}, []string{"", "x", "a b\n", "\xff"}, nil},
		{Setting{Type: String, Required: true}, []string{"x"}, []string{""}},
		{Setting{Type: Int}, []string{"", "0", "-5", "9223372036854775807"}, []string{"x", "1.0", "1e3", "0x1", " 1", "1\n", "9223372036854775808"}},
		{Setting{Type: Bool}, []string{"", "true", "false"}, []string{"yes", "1", "True"}},
		{Setting{Type: Port}, []string{"1", "65535"}, []string{"0", "65536", "-1", "http", "+1"}},
		{Setting{Type: URL}, []string{"http://x", "https://[::1]:2379/a?b=c#d", "unix:///run/x.sock"}, []string{"x", "http:x", "http://", "http://a b", "http://a\n", "://x", "1a://x"}},
		{Setting{Type: Path}, []string{"/", "/a/b", "/a b"}, []string{"a", "/a/../b", "/a\x00", "~/x"}},
		{Setting{Type: Choices, Enum: []string{"new", "existing"}}, []string{"", "new"}, []string{"New", "new "}},
		{Setting{Type: String, Pattern: "a|b"}, []string{"", "a", "b"}, []string{"ab", "ax", "a\n", "xb"}},
		{Setting{Type: Port, Pattern: "8.*"}, []string{"80"}, []string{"90", "8x"}},
	} {
		for _, value := range tt.good {
			if err := tt.setting.Check("V", value); err != nil {
				t.Errorf("%+v: %q: %v", tt.setting, value, err)
			}
		}
		for _, value := range tt.bad {
			err := tt.setting.Check("V", value)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "the value of $V ") {
				t.Errorf("%+v: %q: got %v", tt.setting, value, err)
			}
		}
	}
}

func TestCheckValuesTellsAllAtOnce(t *testing.T) {
	m := mustManifest(t, `{"values": {
		"PORT": {"type": "port", "description": "where it listens"}, "URL": {"type": "url"},
		"B": {"required": true}, "A": {"required": true, "secret": true}, "OPTIONAL": {}
	}}`)
	err := m.CheckValues(map[string]string{"PORT": "hunter2", "URL": "hunter2", "OTHER": "x"})
	const want = "the value of $PORT is not a port (1 to 65535)\nthe value of $URL is not a URL (scheme://…)\nno value for $A, $B"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Description != "where it listens" {
		t.Errorf("got %+v", invalid)
	}
	if err := m.CheckValues(map[string]string{"PORT": "1", "URL": "", "A": "x", "B": "y"}); err != nil {
		t.Error(err)
	}
}

func TestDefaultsOfValuesWin(t *testing.T) {
	m := mustManifest(t, `{"defaultValues": {"A": "old", "B": "old"}, "values": {"A": {"default": "new"}, "B": {}, "C": {"default": ""}}}`)
	if got, want := m.Defaults(), map[string]string{"A": "new", "B": "old", "C": ""}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDuplicateKeys(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "",
		`{"a": 1, "b": {"a": 1}, "c": [{"a": 1}]}`: "",
		`{"x": 1, "x": 2, "x": 3}`:                 "x",
		`{"x": 1, "\u0078": 2}`:                    "x",
		`{"defaultValues": {"A": 1, "B": 2, "A": 3}, "c": [1, {"d e": 1, "d e": 2}]}`: `c[1]["d e"] defaultValues["A"]`,
		`{"a b": {"c": 1, "c": {}}}`: `["a b"]["c"]`,
	} {
		m := mustManifest(t, text)
		if got := strings.Join(m.DuplicateKeys, " "); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	m := mustManifest(t, `{"defaultValues": {"A": 1, "A": 2}}`)
	if got := m.DefaultValues["A"]; got != "2" {
		t.Errorf("got %q, and the last one should count", got)
	}
}

func TestTemplateSecrets(t *testing.T) {
	parsed := mustParse(t, "$A\n$P $B $P ${Q}")
	secret := func(name string) bool { return name == "P" || name == "Q" }
	const want = "t:2:1: $P is a secret, and others could read it here\nt:2:10: $Q is a secret, and others could read it here"
	if err := parsed.Secrets(secret); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := parsed.Secrets(func(string) bool { return false }); err != nil {
		t.Error(err)
	}
}
