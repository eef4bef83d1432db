package templates

import (
	"maps"
	"strings"
	"testing"
)

func TestParseValues(t *testing.T) {
	got, err := ParseValues([]byte("# comment\nA = \"x\\ny\"\nB = 'a\\b'\nC = 0x10\nD = -5\nE = true\n\"F\" = \"\"\nG = \"\"\"\nmany\nlines\"\"\"\n"))
	want := map[string]string{"A": "x\ny", "B": `a\b`, "C": "16", "D": "-5", "E": "true", "F": "", "G": "many\nlines"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := ParseValues(nil); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestParseValuesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"A = \"x\"\nB = hunter2\n":         "line 2: not valid TOML (strings stand in quotes; a key is there once)",
		"A = \"hunter2":                    "line 1: not valid TOML (strings stand in quotes; a key is there once)",
		"A = \"hunter2\"\nA = \"hunter2\"": "line 2: not valid TOML (strings stand in quotes; a key is there once)",
		"A = 1.5":                          "A: neither a string nor an integer nor a boolean (true or false)",
		"A = [\"hunter2\"]\n[B]\nC=1\n":    "A: neither a string nor an integer nor a boolean (true or false)\nB: neither a string nor an integer nor a boolean (true or false)",
		"A = 2020-01-01":                   "A: neither a string nor an integer nor a boolean (true or false)",
		"a-b = 1":                          `"a-b": ` + ErrName.Error(),
		"\"\" = 1":                         `"": ` + ErrName.Error(),
	} {
		_, err := ParseValues([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the value: %v", err)
		}
	}
}

func FuzzParseValues(f *testing.F) {
	for _, seed := range []string{"", "A = 1", "A = \"x\"\nB = true", "[A]\nB = 1", "A = {B = 1}", "\"a b\" = 1", "A = 1979-05-27"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := ParseValues(data)
		if err != nil {
			return
		}
		for name := range values {
			if identifier(name) != name {
				t.Errorf("%q is no name", name)
			}
		}
	})
}
