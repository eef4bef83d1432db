package runcspec_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/runcspec"
)

func TestParseSaysWhereTextIsNotJSON(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "c.json:1:1: unexpected end of JSON input",
		"{\n  \"a\": [1,\n":       "c.json:3:1: unexpected end of JSON input",
		"{\n  \"mounts\": [,]\n}": "c.json:2:14: invalid character ',' looking for beginning of value",
		"{}\n{}":                  "c.json:2:1: invalid character '{' after top-level value",
		"{\"a\":\n\"\xff\"}":      "c.json:2:2: the text is not valid UTF-8",
		"{\"a\": \"$X\n\"}":       `c.json:1:10: invalid character '\n' in string literal`,
	} {
		_, err := runcspec.Parse("c.json", []byte(text))
		var syntaxErr *runcspec.SyntaxError
		if !errors.As(err, &syntaxErr) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestParseSaysWhichValueHasTheWrongType(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                            "reading c.json: the text is not a JSON object",
		`null`:                          "reading c.json: the text is not a JSON object",
		`"x"`:                           "reading c.json: the text is not a JSON object",
		`{"ociVersion": 1}`:             "reading c.json: /ociVersion: is a number, want string",
		`{"process": {"args": "x"}}`:    "reading c.json: /process/args: is a string, want []string",
		`{"process": {"cwd": ["/"]}}`:   "reading c.json: /process/cwd: is a array, want string",
		`{"root": {"readonly": "yes"}}`: "reading c.json: /root/readonly: is a string, want bool",
		`{"process": {"capabilities": [1]}}`: "reading c.json: /process/capabilities/bounding: " +
			"is a number, want string",
	} {
		_, err := runcspec.Parse("c.json", []byte(text))
		var violation *runcspec.Violation
		if !errors.As(err, &violation) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestParseBringsVersionsUpToDate(t *testing.T) {
	for version, want := range map[string]string{
		"": "1.0.0", "0.6.0-dev": "1.0.0", "1.0.0-rc5": "1.0.0", "1.0.2-dev": "1.0.2", "1.2.0": "1.2.0", "2.0.0": "2.0.0",
	} {
		spec, err := runcspec.Parse("c.json", []byte(`{"ociVersion": "`+version+`"}`))
		if err != nil || spec.Version != want {
			t.Errorf("%q: got %v, %v", version, spec, err)
		}
	}
}

// FuzzParse shows that parsing never panics, and that what is read once is
// written and read the same for ever.
func FuzzParse(f *testing.F) {
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
	f.Add([]byte(`{"ociVersion":"1.0.0","ociversion":"2-x","Process":{"capabilities":{}},"windows":{"credentialSpec":1e999}}`))
	f.Add([]byte(`{"linux":{"seccomp":{"syscalls":[{"name":"x"},null,1]},"namespaces":[null]},"mounts":[{"destination":"\ud800"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := runcspec.Parse("c.json", data)
		if err != nil {
			return
		}
		once := marshal(t, spec)
		again, err := runcspec.Parse("c.json", once)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, once)
		}
		if twice := marshal(t, again); !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
		h := runcspec.Host{CgroupsPath: "/x/y", Bundle: "/b", Notify: true}
		if err := runcspec.Adapt(again, h); err != nil {
			t.Fatal(err)
		}
		adapted := marshal(t, again)
		if err := runcspec.Adapt(again, h); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(adapted, marshal(t, again)) {
			t.Fatalf("adapted twice:\n%s\n%s", adapted, marshal(t, again))
		}
		if runcspec.Check(again) == nil && !again.Root.Readonly {
			t.Fatal("a writable root passes")
		}
		runcspec.MountPoints(again)
		runcspec.BindSources(again)
	})
}
