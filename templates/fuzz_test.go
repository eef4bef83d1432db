package templates

import (
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"
)

// dialect is the pattern of Python's string.Template, as the oracle of Parse.
var dialect = regexp.MustCompile(`\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{([_a-zA-Z][_a-zA-Z0-9]*)\}|)`)

// oracle renders a template with the values that value returns; ok is false for a syntax error.
func oracle(text string, value func(name string) string) (rendered string, ok bool) {
	ok = true
	rendered = dialect.ReplaceAllStringFunc(text, func(match string) string {
		switch name := strings.Trim(match, "${}"); {
		case match == "$$":
			return "$"
		case name != "":
			return value(name)
		}
		ok = false
		return ""
	})
	return rendered, ok
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "$", "$$", "$A ${B}\n$$C", "${A", "$1", "a\xff$é", `{"a": ["$A" $B], "\$C": "\u0$D"}`,
		"A=\\\n $B\\\n;$C\n# $D\r\n", "${A}$$$B$$$$$",
	} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		parsed, err := Parse("f", []byte(text))
		want, ok := oracle(text, func(name string) string { return "<" + name + ">" })
		if (err == nil) != ok {
			t.Fatalf("error %v; the oracle says %v", err, ok)
		}
		if err != nil {
			return
		}
		marked, values := Values{}, Values{}
		for _, name := range parsed.Variables() {
			marked[name], values[name] = "<"+name+">", value
		}
		if got, err := parsed.Render(Text, marked); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		for _, format := range []Format{Text, JSON, Unit, Tmpfiles, EnvFile} {
			checkRendering(t, parsed, format, values)
		}
	})
}

// checkRendering tests what holds for every template and value.
func checkRendering(t *testing.T, parsed *Template, format Format, values Values) {
	t.Helper()
	got, err := parsed.Render(format, values)
	var value *ValueError
	var invalid *JSONError
	if err != nil && !errors.As(err, &value) && (format != JSON || !errors.As(err, &invalid)) {
		t.Fatalf("format %d: unexpected error %v", format, err)
	}
	if err != nil {
		return
	}
	rest := string(got)
	for _, p := range parsed.parts {
		_, after, found := strings.Cut(rest, p.literal)
		if !found {
			t.Fatalf("format %d: %q is not in %q", format, p.literal, got)
		}
		rest = after
	}
	if format == JSON && !json.Valid(got) {
		t.Errorf("not JSON: %q", got)
	}
}

func FuzzJSONValue(f *testing.F) {
	for _, seed := range []string{
		"", "x", `"`, `\`, `", "b": "`, "\n\t\x00", "\xff", "\u2028é\U0001F600\ufffd", "$V", `\u0041`, "<&>",
		"1, \"b\": 2", "[1]", "{}", `"x", {"y": [","]}`, "}", "]", `,1],"x":[2`, `1},{"x":2`,
	} {
		f.Add(seed)
	}
	inString, err := Parse("f", []byte(`{"a":"$V"}`))
	if err != nil {
		f.Fatal(err)
	}
	member, err := Parse("f", []byte(`{"a":$V}`))
	if err != nil {
		f.Fatal(err)
	}
	elements, err := Parse("f", []byte(`{"a":[0 $V]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		checkJSONString(t, inString, value)
		checkJSONFragment(t, member, value)
		checkJSONFragment(t, elements, value)
	})
}

func checkJSONString(t *testing.T, parsed *Template, value string) {
	t.Helper()
	got, err := parsed.Render(JSON, Values{"V": value})
	var refused *ValueError
	if errors.As(err, &refused) {
		return
	}
	var object map[string]string
	if err := errors.Join(err, json.Unmarshal(got, &object)); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if len(object) != 1 || object["a"] != value {
		t.Errorf("got %q", object)
	}
}

func checkJSONFragment(t *testing.T, parsed *Template, value string) {
	t.Helper()
	got, err := parsed.Render(JSON, Values{"V": value})
	if err != nil {
		return
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(got, &object); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if _, ok := object["a"]; len(object) != 1 || !ok {
		t.Errorf("another member: %q", got)
	}
}

func FuzzUnitValue(f *testing.F) {
	for _, seed := range []string{
		"", "x", "%", "a\nB=c", "a\r", "\x00", `a\`, `a\\`, `a\ `, "# a", ";", "[X]", "\xff", " ", "=", "A=b", "%%n\t\\",
	} {
		f.Add(seed, seed)
	}
	parsed, err := Parse("f", []byte(strings.Join([]string{
		"[Unit]", "Description=$A", "# $A", "[Service]", `Exec=x \`, `  $B\`, "  $A$B", "Environment=$A $B ", `Slash=\$A`, "[Install]", "WantedBy=$B",
	}, "\n")))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := parsed.Render(Unit, Values{"A": "a", "B": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got, err := parsed.Render(Unit, Values{"A": a, "B": b})
		var refused *ValueError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, trim := range []func(string, string) string{strings.TrimLeft, strings.Trim} {
			if is, want := directives(string(got), trim), directives(string(plain), trim); is != want {
				t.Errorf("got the directives %q, want %q, from %q", is, want, got)
			}
		}
		if strings.Count(string(got), "\n") != strings.Count(string(plain), "\n") {
			t.Errorf("another number of lines: %q", got)
		}
		if strings.Contains(strings.ReplaceAll(string(got), "%%", ""), "%") {
			t.Errorf("a lone percent sign: %q", got)
		}
	})
}

// directives lists the sections and keys of a unit as systemd reads it: a
// comment is skipped even between continued lines, an empty line ends them.
// Whether blanks at the end of a line count is what its versions disagree on.
func directives(unit string, trim func(s, cutset string) string) string {
	var found []string
	logical := ""
	for line := range strings.SplitSeq(strings.NewReplacer("\r", "\n", "\x00", "\n").Replace(unit), "\n") {
		line = trim(line, " \t")
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		logical += line
		if slashes := len(line) - len(strings.TrimRight(line, `\`)); slashes%2 == 1 {
			logical = strings.TrimSuffix(logical, `\`) + " "
			continue
		}
		if key, _, _ := strings.Cut(logical, "="); key != "" {
			found = append(found, key)
		}
		logical = ""
	}
	return strings.Join(append(found, logical), "|")
}

func FuzzManifest(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", "[]", `{"useLinks": false, "x": {}}`, `{"renameFiles": {"/a": "/$A", "/b/": "$A"}}`,
		`{"defaultValues": {"A": 1e3, "B": null, "C": [ {} ]}, "version": 1}`, `{"installedFilesTemplate": ["/a//b", "/.."]}`,
		`{"values": {"A": {"type": "port", "default": 1, "pattern": "."}, "B": {"enum": ["x"], "required": true}, "A": {}}, "a": 1, "a": {}}`,
	} {
		f.Add([]byte(seed), "/a/b/c", "x")
	}
	f.Fuzz(func(t *testing.T, data []byte, file, value string) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		for _, setting := range m.Values {
			if setting.Default != nil && setting.Check("V", *setting.Default) != nil {
				t.Errorf("a default that is not allowed: %+v", setting)
			}
		}
		values := Values{}
		for _, name := range m.Variables() {
			values[name] = value
		}
		for _, p := range m.InstalledFilesTemplate {
			checkPath(t, p)
		}
		renamed := []string{file}
		for from := range m.RenameFiles {
			checkPath(t, from)
			renamed = append(renamed, from)
		}
		for _, p := range renamed {
			if to, err := m.Rename(p, values); err == nil {
				checkPath(t, to)
			}
		}
	})
}

func checkPath(t *testing.T, p string) {
	t.Helper()
	if !path.IsAbs(p) || path.Clean(p) != p || strings.Contains(p, "\x00") || strings.Contains(p+"/", "/../") {
		t.Errorf("not an absolute, clean path: %q", p)
	}
}
