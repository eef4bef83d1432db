package runcspec_test

import (
	"bytes"
	"errors"
	"fmt"
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
		`[]`:                               "reading c.json: the text is not a JSON object",
		`null`:                             "reading c.json: the text is not a JSON object",
		`"x"`:                              "reading c.json: the text is not a JSON object",
		`{"ociVersion": 1}`:                "/ociVersion: is the number 1, want string",
		`{"mounts": "x"}`:                  "/mounts: is of type string, want array",
		`{"root": {"path": ["/"]}}`:        "/root/path: is of type array, want string",
		`{"linux": {"memory": 1e3}}`:       "",
		`{"linux": {"namespaces": [0]}}`:   "/linux/namespaces/0: is the number 0, want object",
		`{"annotations": {"a/b~c": true}}`: "/annotations/a~1b~0c: is of type boolean, want string",
		`{"Root": {"readonly": false}, "windowS": 1}`: "/Root: is spelled \"root\" in the specification\n" +
			"/windowS: is spelled \"windows\" in the specification",
		`{"root": {"readonly": "yes"}}`: "/root/path: is missing\n" +
			"/root/readonly: is of type string, want boolean",
		`{"process": {"cwd": "/", "oomScoreAdj": 1e1}}`: "/process/oomScoreAdj: is the number 1e1, want integer",
		`{"process": {"capabilities": [1]}}`: "/process/cwd: is missing\n" +
			"/process/capabilities: is of type array, want object",
	} {
		_, err := runcspec.Parse("c.json", []byte(text))
		if got := fmt.Sprint(errors.Join(err)); err == nil && want != "" || err != nil && (got != want || len(runcspec.Violations(err)) == 0) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestParseBringsVersionsUpToDate(t *testing.T) {
	const ours = "1.0.2"
	for version, want := range map[string]string{
		"": ours, "0.6.0-dev": ours, "1.0.0-rc5": ours, "1.0.0-rc6+dev": ours, "1.0.2-dev": ours, "1.0": ours, "1.3.0": ours,
		"2.0.0": "2.0.0", "1": "1", "1.x": "1.x", "x": "x",
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
			if runcspec.Check(spec) == nil {
				t.Fatalf("what was written is not read: %v\n%s", err, once)
			}
			return
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
		compiled, _, err := runcspec.Compile("c.json", data, somePlatform(), h)
		if err != nil {
			return
		}
		if err := runcspec.Check(compiled); err != nil {
			t.Fatalf("what was compiled does not pass: %v", err)
		}
		if twice, _, err := runcspec.Compile("c.json", marshal(t, compiled), somePlatform(), h); err != nil || !bytes.Equal(marshal(t, compiled), marshal(t, twice)) {
			t.Fatalf("compiled twice: %v\n%s\n%s", err, marshal(t, compiled), marshal(t, twice))
		}
	})
}
