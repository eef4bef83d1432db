package templates

import (
	"errors"
	"reflect"
	"testing"
)

func TestParseManifestDefaults(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"version": null, "useLinks": null, "noContainerService": null, "installedFilesTemplate": null}`,
	} {
		got, err := ParseManifest([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if want := DefaultManifest(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestParseManifestBooleans(t *testing.T) {
	got, err := ParseManifest([]byte(`{"useLinks": false, "noContainerService": true}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.UseLinks || !got.NoContainerService {
		t.Errorf("got %+v", got)
	}
}

func TestDefaultValuesRenderSensibly(t *testing.T) {
	tests := []struct{ json, want string }{
		{`""`, ""},
		{`"a\n\"\u00e9"`, "a\n\"é"},
		{`null`, ""},
		{`true`, "true"},
		{`false`, "false"},
		{`0`, "0"},
		{`-1.50E+3`, "-1.50E+3"},
		{`12345678901234567890123`, "12345678901234567890123"},
		{`[ ]`, "[]"},
		{`[ 1,  "a b<" , null ]`, `[1,"a b<",null]`},
		{`{ "b" : 1.0, "a": { } }`, `{"b":1.0,"a":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.json, func(t *testing.T) {
			m, err := ParseManifest([]byte(`{"defaultValues": {"V": ` + tt.json + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.DefaultValues["V"]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseManifestErrors(t *testing.T) {
	const absolute = "must be an absolute path"
	tests := []struct{ name, text, want string }{
		{"empty", "", "manifest.json:1:1: invalid JSON: unexpected end of JSON input"},
		{"syntax", "{\n  \"a\": 1,\n}", "manifest.json:3:1: invalid JSON: invalid character '}' looking for beginning of object key string"},
		{"trailing text", "{} x", "manifest.json:1:4: invalid JSON: invalid character 'x' after top-level value"},
		{"not UTF-8", "{\"é\": \"\xff\"}", "manifest.json:1:8: invalid JSON: text that is not UTF-8"},
		{"array", " []", "manifest.json: must be an object, is an array"},
		{"null", "null", "manifest.json: must be an object, is null"},
		{"defaultValues", `{"defaultValues": ["A=1"]}`, "manifest.json: defaultValues: must be an object, is an array"},
		{"noContainerService", `{"noContainerService": "true"}`, "manifest.json: noContainerService: must be true or false, is a string"},
		{"useLinks", `{"useLinks": 1}`, "manifest.json: useLinks: must be true or false, is a number"},
		{"renameFiles", `{"renameFiles": "/a"}`, "manifest.json: renameFiles: must be an object, is a string"},
		{"renameFiles value", `{"renameFiles": {"/a": true}}`, `manifest.json: renameFiles["/a"]: must be a string, is a boolean`},
		{"renameFiles relative key", `{"renameFiles": {"a": "/b"}}`, `manifest.json: renameFiles["a"]: ` + absolute},
		{"renameFiles climbing key", `{"renameFiles": {"/a/../b": "/b"}}`, `manifest.json: renameFiles["/a/../b"]: must be a path without ".."`},
		{"renameFiles key twice", `{"renameFiles": {"/a/": "/b", "/a": "/c"}}`, `manifest.json: renameFiles["/a/"]: is there twice`},
		{"renameFiles relative value", `{"renameFiles": {"/a": "b/$A"}}`, `manifest.json: renameFiles["/a"]: its value ` + absolute},
		{"renameFiles empty value", `{"renameFiles": {"/a": ""}}`, `manifest.json: renameFiles["/a"]: its value ` + absolute},
		{"renameFiles climbing value", `{"renameFiles": {"/a": "$A/.."}}`, `manifest.json: renameFiles["/a"]: its value must be a path without ".."`},
		{"renameFiles template", `{"renameFiles": {"/a": "/b/$("}}`, `manifest.json renameFiles["/a"]:1:4: "$(" is not a variable (a dollar sign is written $$)`},
		{"installedFilesTemplate", `{"installedFilesTemplate": {}}`, "manifest.json: installedFilesTemplate: must be an array, is an object"},
		{"installedFilesTemplate element", `{"installedFilesTemplate": ["/a", 1]}`, "manifest.json: installedFilesTemplate[1]: must be a string, is a number"},
		{"installedFilesTemplate relative", `{"installedFilesTemplate": ["etc/a"]}`, "manifest.json: installedFilesTemplate[0]: " + absolute},
		{"installedFilesTemplate NUL", `{"installedFilesTemplate": ["/\u0000"]}`, "manifest.json: installedFilesTemplate[0]: must be a path without a NUL byte"},
		{"healthCheck", `{"healthCheck": ["a"]}`, "manifest.json: healthCheck: must be an object, is an array"},
		{"healthCheck without a command", `{"healthCheck": {}}`, "manifest.json: healthCheck.exec: is missing: the program to run and its arguments"},
		{"healthCheck with no command", `{"healthCheck": {"exec": []}}`, "manifest.json: healthCheck.exec: is empty: the program to run and its arguments"},
		{"healthCheck with a line", `{"healthCheck": {"exec": "true"}}`, "manifest.json: healthCheck.exec: must be an array of the program and its arguments, is a string"},
		{"healthCheck with numbers", `{"healthCheck": {"exec": ["a", 1], "interval": 5, "retries": 0}}`, "manifest.json: healthCheck.exec[1]: must be a string, is a number\n" +
			"manifest.json: healthCheck.interval: must be a duration such as \"5s\", is a number\n" +
			"manifest.json: healthCheck.retries: must be a whole number from 1, is 0"},
		{"healthCheck with half retries", `{"healthCheck": {"exec": ["a"], "retries": 1.5}}`, "manifest.json: healthCheck.retries: must be a whole number from 1, is 1.5"},
		{"healthCheck template", `{"healthCheck": {"exec": ["a", "$("]}}`, `manifest.json healthCheck.exec[1]:1:1: "$(" is not a variable (a dollar sign is written $$)`},
		{"all at once", `{"useLinks": 1, "renameFiles": {"b": "/b", "a": "/a"}}`, `manifest.json: renameFiles["a"]: ` + absolute + "\n" +
			`manifest.json: renameFiles["b"]: ` + absolute + "\n" +
			"manifest.json: useLinks: must be true or false, is a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseManifest([]byte(tt.text))
			if err == nil {
				t.Fatalf("no error; parsed %+v", m)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %v\nwant %v", err, tt.want)
			}
		})
	}
}

func TestHealthCheck(t *testing.T) {
	m, err := ParseManifest([]byte(`{"healthCheck": {
		"exec": ["/bin/ctl", "--name=$NAME", "$$HOME", ""], "interval": "5s", "timeout": "3s", "retries": 3, "startPeriod": null, "onFailure": "x"
	}, "a": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &HealthCheck{Exec: []string{"/bin/ctl", "--name=$NAME", "$$HOME", ""}, Interval: "5s", Timeout: "3s", Retries: 3}
	if !reflect.DeepEqual(m.HealthCheck, want) {
		t.Errorf("got %+v, want %+v", m.HealthCheck, want)
	}
	if want := []string{"a", "healthCheck.onFailure"}; !reflect.DeepEqual(m.UnknownKeys, want) {
		t.Errorf("unknown keys: got %q, want %q", m.UnknownKeys, want)
	}
	if got := m.Variables(); !reflect.DeepEqual(got, []string{"NAME"}) {
		t.Errorf("variables: got %q", got)
	}
	args, err := m.HealthCheck.RenderExec(Values{"NAME": `a b"$NAME%`})
	if err != nil || !reflect.DeepEqual(args, []string{"/bin/ctl", `--name=a b"$NAME%`, "$HOME", ""}) {
		t.Errorf("got %q, %v", args, err)
	}
}

func TestHealthCheckThatCannotBeRendered(t *testing.T) {
	h := HealthCheck{Exec: []string{"$PROGRAM", "$ARG", "$GONE"}}
	_, err := h.RenderExec(Values{"PROGRAM": "", "ARG": "a\x00b"})
	const want = "manifest.json: healthCheck.exec[0]: is the program, and empty\n" +
		"manifest.json healthCheck.exec[1]:1:1: the value of $ARG contains a NUL byte\n" +
		"manifest.json healthCheck.exec[2]:1:1: no value for $GONE"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestManifestErrorNamesKey(t *testing.T) {
	_, err := ParseManifest([]byte(`{"useLinks": 1}`))
	var wrong *ManifestError
	if !errors.As(err, &wrong) || wrong.Key != "useLinks" {
		t.Errorf("got %#v", err)
	}
}
