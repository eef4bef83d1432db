package templates

import (
	"errors"
	"slices"
	"testing"
)

func TestRenderJSON(t *testing.T) {
	const capabilities = `"CAP_CHOWN", "CAP_KILL"`
	const mount = `, {"destination": "/x", "options": ["ro", "bind"]}`
	checkSuccesses(t, JSON, []success{
		{"in a string", `{"a": "<$A>"}`, Values{"A": "x"}, `{"a": "<x>"}`},
		{"escapes", `["$A"]`, Values{"A": "\"\\\n\t\x01/<&>é"}, `["\"\\\n\t\u0001/<&>é"]`},
		{"no way out of a string", `{"a": "$A"}`, Values{"A": `", "b": "`}, `{"a": "\", \"b\": \""}`},
		{"in a key", `{"$A": 1}`, Values{"A": `"`}, `{"\"": 1}`},
		{"after an escaped quote", `["\"$A"]`, Values{"A": `"`}, `["\"\""]`},
		{"after an escaped backslash", `["\\$A"]`, Values{"A": `"`}, `["\\\""]`},
		{"after a backslash and a closed string", `["\\", $A]`, Values{"A": `"x"`}, `["\\", "x"]`},
		{"after an escaped character", `["\u0041$A"]`, Values{"A": `"`}, `["\u0041\""]`},
		{"two in a string", `["$A$A"]`, Values{"A": `\`}, `["\\\\"]`},
		{"fragment of a list", `{"c": [${A}]}`, Values{"A": capabilities}, `{"c": [` + capabilities + `]}`},
		{"empty list", `{"c": [${A}]}`, Values{"A": ""}, `{"c": []}`},
		{"fragment after a list", `{"m": [{} $A]}`, Values{"A": mount}, `{"m": [{} ` + mount + `]}`},
		{"empty fragment", `{"m": [{} $A]}`, Values{"A": ""}, `{"m": [{} ]}`},
		{"number", `{"uid": $A, "gid": 1$A}`, Values{"A": "0"}, `{"uid": 0, "gid": 10}`},
		{"whole value", `{"a": $A}`, Values{"A": `{"b": [1, 2], "c": "d,e"}`}, `{"a": {"b": [1, 2], "c": "d,e"}}`},
		{"brackets in a string of a fragment", `[$A]`, Values{"A": `"]}\"]"`}, `["]}\"]"]`},
		{"string after fragment", `[$A, "$A"]`, Values{"A": `"x"`}, `["x", "\"x\""]`},
		{"dollar", `["$$A"]`, nil, `["$A"]`},
	})
}

func TestRenderJSONRefusesValues(t *testing.T) {
	const value = "the value of $A "
	const unbalanced = value + "opens or closes a JSON string, array or object that it does not close or open"
	const escape = value + "would become part of the escape sequence that the backslash before it begins"
	const several = value + "holds more than the one JSON value that its place takes"
	checkFailures(t, JSON, []failure{
		{"not UTF-8", `["$A"]`, Values{"A": "\xff"}, "t:1:3: " + value + "is not valid UTF-8"},
		{"half of a character", `["$A"]`, Values{"A": "\xed\xa0\x80"}, "t:1:3: " + value + "is not valid UTF-8"},
		{"fragment not UTF-8", `[$A]`, Values{"A": "\"\xff\""}, "t:1:2: " + value + "is not valid UTF-8"},
		{"NUL", `["$A"]`, Values{"A": "a\x00"}, "t:1:3: " + value + "contains a NUL byte"},
		{"after a backslash", `["\$A"]`, Values{"A": "n"}, "t:1:4: " + escape},
		{"after a backslash, empty", `["\$A"]`, Values{"A": ""}, "t:1:4: " + escape},
		{"within an escape", `["\u00$A"]`, Values{"A": "41"}, "t:1:7: " + escape},
		{"open string", `[$A]`, Values{"A": `"x`}, "t:1:2: " + unbalanced},
		{"string that swallows", `[$A"$B"]`, Values{"A": `"x`, "B": ","}, "t:1:2: " + unbalanced},
		{"out of its list", `{"a": [$A]}`, Values{"A": `1], "b": [2`}, "t:1:8: " + unbalanced},
		{"open list", `[$A]`, Values{"A": `[`}, "t:1:2: " + unbalanced},
		{"closed object", `[$A]`, Values{"A": `}`}, "t:1:2: " + unbalanced},
		{"second member", `{"uid": $A}`, Values{"A": `0, "gid": 0`}, "t:1:9: " + several},
		{"second member behind an empty value", `{"uid": $B$A}`, Values{"A": `0, "gid": 0`, "B": ""}, "t:1:11: " + several},
	})
}

func TestRenderJSONMustBeValid(t *testing.T) {
	checkFailures(t, JSON, []failure{
		{"literal", "{\n  \"a\": x}", nil, "t:2:8: invalid JSON: invalid character 'x' looking for beginning of value"},
		{"column counts characters", `["é" x]`, nil, "t:1:6: invalid JSON: invalid character 'x' after array element"},
		{"truncated", "[\n1", nil, "t:2:1: invalid JSON: unexpected end of JSON input"},
		{"empty", "", nil, "t:1:1: invalid JSON: unexpected end of JSON input"},
		{"escape", `["\q"]`, nil, `t:1:4: invalid JSON: invalid character 'q' in string escape code`},
		{"not UTF-8", "[\"\xff\"]", nil, "t:1:3: invalid JSON: text that is not UTF-8"},
		{"position is the template's", "[\"$A\",\n x]", Values{"A": "a long\nvalue"}, "t:2:2: invalid JSON: invalid character 'x' looking for beginning of value"},
		{"position behind a dollar", `["$$" x]`, nil, "t:1:7: invalid JSON: invalid character 'x' after array element"},
		{"fragment", "[1 $A]", Values{"A": "2"}, "t:1:4: invalid JSON: invalid character '2' after array element (check the value of $A)"},
		{"fragment that ends too soon", "[\n  $A]", Values{"A": "1,"}, "t:2:5: invalid JSON: invalid character ']' looking for beginning of value (check the value of $A)"},
		{"only fragments, up to the fault", `["$S", $A, $B x, $C]`, Values{"S": "", "A": "1", "B": "2", "C": "3"}, "t:1:15: invalid JSON: invalid character 'x' after array element (check the value of $A, $B)"},
		{"fragment alone", "$A", Values{"A": ""}, "t:1:1: invalid JSON: unexpected end of JSON input (check the value of $A)"},
	})
}

func TestJSONErrorNamesFragments(t *testing.T) {
	_, err := mustParse(t, `[$A $B]`).Render(JSON, Values{"A": "1", "B": "2"})
	var invalid *JSONError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	if want := []string{"A", "B"}; !slices.Equal(invalid.Fragments, want) {
		t.Errorf("got %q, want %q", invalid.Fragments, want)
	}
}
