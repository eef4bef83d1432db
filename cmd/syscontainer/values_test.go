package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// parsed runs the flags of a command line through parseValues, in a folder with
// some files.
func parsed(t *testing.T, args ...string) (values, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"text": "a\nb\n\n", "dos": "a\r\n", "bytes": "\xff\n", "zero": "\x00\n", "empty": "", "public": "p",
		"one.toml": "A = \"one\"\nB = 1\n", "two.toml": "A = \"two\"\nC = true\n", "bad.toml": "A = hunter2",
		"large": strings.Repeat("x", maxValueFile+1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod("public", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod("one.toml", 0o640); err != nil {
		t.Fatal(err)
	}
	var got values
	app := &cli.App{
		Flags: valueFlags(), DisableSliceFlagSeparator: true, Writer: t.Output(),
		Action: func(c *cli.Context) (err error) {
			got, err = parseValues(c)
			return err
		},
	}
	err := app.RunContext(t.Context(), append([]string{"x"}, args...))
	return got, err
}

func TestParseValues(t *testing.T) {
	for name, tc := range map[string]struct {
		args    []string
		want    map[string]string
		exposed []string
	}{
		"nothing":               {nil, map[string]string{}, nil},
		"set":                   {[]string{"--set=A=x,y", "--set=B="}, map[string]string{"A": "x,y", "B": ""}, []string{"A", "B"}},
		"set, the later":        {[]string{"--set=A=1", "--set=A=2"}, map[string]string{"A": "2"}, []string{"A"}},
		"file, but its newline": {[]string{"--set-file=A=text"}, map[string]string{"A": "a\nb\n"}, nil},
		"file of a DOS":         {[]string{"--set-file=A=dos"}, map[string]string{"A": "a\r"}, nil},
		"file that is no text":  {[]string{"--set-file=A=bytes", "--set-file=B=zero"}, map[string]string{"A": "\xff\n", "B": "\x00\n"}, nil},
		"file, empty":           {[]string{"--set-file=A=empty"}, map[string]string{"A": ""}, nil},
		"file, the later":       {[]string{"--set-file=A=text", "--set-file=A=empty"}, map[string]string{"A": ""}, nil},
		"file for everybody":    {[]string{"--set-file=A=public"}, map[string]string{"A": "p"}, []string{"A"}},
		"values":                {[]string{"--values=two.toml"}, map[string]string{"A": "two", "C": "true"}, nil},
		"values, the later":     {[]string{"--values=one.toml", "--values=two.toml"}, map[string]string{"A": "two", "B": "1", "C": "true"}, []string{"B"}},
		"set over values":       {[]string{"--set=A=x", "--values=two.toml"}, map[string]string{"A": "x", "C": "true"}, []string{"A"}},
		"file over values":      {[]string{"--set-file=A=text", "--values=one.toml"}, map[string]string{"A": "a\nb\n", "B": "1"}, []string{"B"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parsed(t, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got.texts, tc.want) {
				t.Errorf("got %q, want %q", got.texts, tc.want)
			}
			if len(got.exposed) != len(tc.exposed) {
				t.Errorf("exposed %q, want %q", got.exposed, tc.exposed)
			}
			for _, name := range tc.exposed {
				if got.exposed[name] == "" {
					t.Errorf("%s is not exposed: %q", name, got.exposed)
				}
			}
		})
	}
}

func TestParseValuesErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no file":           {[]string{"--set-file=A=nosuch", "--set-file=B=nosuch"}, "--set-file A: open nosuch: no such file or directory\n--set-file B: open nosuch: no such file or directory"},
		"a folder":          {[]string{"--set-file=A=."}, "--set-file A: read .: is a directory"},
		"no name of a file": {[]string{"--set-file=A="}, "--set-file A: the name of a file is missing"},
		"no name":           {[]string{"--set-file=text"}, `--set-file: not an assignment of the form NAME=value`},
		"too large":         {[]string{"--set-file=A=large"}, "--set-file A: large is larger than 1 MiB"},
		"endless":           {[]string{"--set-file=A=/dev/zero"}, "--set-file A: /dev/zero is larger than 1 MiB"},
		"both":              {[]string{"--set=A=1", "--set-file=A=text"}, "--set and --set-file both set A"},
		"no table":          {[]string{"--values=bad.toml"}, "--values: bad.toml: line 1: not valid TOML (strings stand in quotes; a key is there once)"},
		"no such table":     {[]string{"--values=nosuch"}, "--values: open nosuch: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsed(t, tc.args...)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestAdviceOnExposedValues(t *testing.T) {
	got, err := parsed(t, "--set=A=x", "--set-file=B="+filepath.Join(".", "public"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"A": "--set shows it to everybody who lists processes; use --set-file A=FILE",
		"B": "public can be read by others; use chmod 600 public",
	} {
		if got.exposed[name] != want {
			t.Errorf("%s: got %q", name, got.exposed[name])
		}
	}
}
