package templates

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzRenderExec shows that a value stays in the argument in which its variable stands.
func FuzzRenderExec(f *testing.F) {
	for _, seed := range []string{"", "/bin/x", "$V", "${V}", "--url=$V$V", "$$V", "$1", "a\xff", "$V \n$W"} {
		f.Add(seed, seed, "value")
		f.Add("/bin/x", seed, "a 'b\" \\$V\x00\n")
	}
	f.Fuzz(func(t *testing.T, program, argument, value string) {
		data, err := json.Marshal(map[string]any{"healthCheck": map[string]any{"exec": []string{program, argument}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		values := Values{}
		for _, name := range m.Variables() {
			values[name] = value
		}
		got, err := m.HealthCheck.RenderExec(values)
		var refused *ValueError
		var empty *ManifestError
		if err != nil && !errors.As(err, &refused) && !errors.As(err, &empty) {
			t.Fatalf("unexpected error %v", err)
		}
		if err != nil {
			return
		}
		for i, text := range m.HealthCheck.Exec {
			want, ok := oracle(text, func(string) string { return value })
			if !ok || got[i] != want || strings.Contains(got[i], "\x00") {
				t.Errorf("argument %d is %q, want %q", i, got[i], want)
			}
		}
		if len(got) != len(m.HealthCheck.Exec) || got[0] == "" {
			t.Errorf("the command is %q", got)
		}
	})
}
