package templates

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/tests/golden"
)

func sampleValues() Values {
	return Values{
		"NAME":                     "web",
		"IMAGE_NAME":               "docker://registry.example:5000/web:50%",
		"DESTDIR":                  "/var/lib/syscontainer/containers/web/deploy/1",
		"EXEC_START":               "/usr/libexec/launch --bundle=/b web",
		"EXEC_STOP":                "",
		"STATE_DIRECTORY":          "/var/lib",
		"RUN_DIRECTORY":            "/run",
		"CONF_DIRECTORY":           "/etc",
		"ATOMIC":                   "/usr/bin/syscontainer",
		"AFTER":                    "etcd.service",
		"EMPTY":                    "",
		"USER_ID":                  "1000",
		"MOTTO":                    `100% "$NAME" \o/ café <&>`,
		"ALL_PROCESS_CAPABILITIES": `"CAP_CHOWN", "CAP_KILL"`,
		"ADDTL_MOUNTS":             `, {"type": "tmpfs", "source": "tmpfs", "destination": "/tmp"}`,
	}
}

func TestGoldenRender(t *testing.T) {
	tests := []struct {
		file   string
		format Format
	}{
		{"testdata/config.json.template", JSON},
		{"testdata/service.template", Unit},
		{"testdata/tmpfiles.template", Tmpfiles},
		{"testdata/script.template", Text},
	}
	for _, tt := range tests {
		t.Run(filepath.Base(tt.file), func(t *testing.T) {
			got, err := mustParse(t, string(readFile(t, tt.file))).Render(tt.format, sampleValues())
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata/golden", filepath.Base(tt.file)), got)
		})
	}
}

func TestGoldenDefaultService(t *testing.T) {
	got, err := mustParse(t, string(DefaultService())).Render(Unit, sampleValues())
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/golden/default.service", got)
}

func TestGoldenManifest(t *testing.T) {
	m, err := ParseManifest(readFile(t, "testdata/manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/golden/manifest", append(got, '\n'))
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustParse(t *testing.T, text string) *Template {
	t.Helper()
	parsed, err := Parse("t", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
