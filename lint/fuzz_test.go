package lint_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/lint"
)

// FuzzCheck shows that whatever stands in /exports is told of in places that exist, and
// that there are errors exactly where an installation would be refused.
func FuzzCheck(f *testing.F) {
	f.Add(`{"defaultValues": {"V": 1}}`, "[Service]\nExecStart=$EXEC_START\n", `{"ociVersion": "1.0.0"}`, "LABEL a=b")
	f.Add(`{"values": {"V": {"pattern": "["}}}`, "[Service\n$V\\", "{\n\"process\": {\"env\": [\"/etc/x\", \"$\"]}}", "LABEL \\\n\"maintainer")
	f.Add("", "ExecStart=", `{"root": {"readonly": false}, "mounts": [{"source": "/var/lib/hello"}]}`, "")
	f.Fuzz(func(t *testing.T, manifest, service, config, containerfile string) {
		files := fstest.MapFS{"exports/hostfs/etc/x": {Data: []byte(service), Mode: 0o644}}
		for name, text := range map[string]string{
			"exports/manifest.json": manifest, "exports/service.template": service, "exports/config.json.template": config, "Containerfile": containerfile,
		} {
			if text != "" {
				files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
			}
		}
		preview, err := deployment.RenderDirectory(files, deployment.Request{Image: "hello"})
		findings := lint.Check(lint.Subject{Files: files, Preview: preview, Refused: err})
		if (err != nil) != (lint.Count(findings, lint.Error) > 0) {
			t.Errorf("refused: %v; found: %v", err, findings)
		}
		for _, found := range findings {
			checkPlace(t, files, found)
		}
	})
}

// checkPlace reports an error unless a finding is in a file that there is, and in a line of it.
func checkPlace(t *testing.T, files fstest.MapFS, found lint.Finding) {
	t.Helper()
	if found.Code == "" || found.Text == "" || found.Line < 0 || found.Column < 0 || found.Line == 0 && found.Column > 0 {
		t.Errorf("%+v", found)
	}
	if file, ok := files[found.File]; ok && found.Line > 1+strings.Count(string(file.Data), "\n") {
		t.Errorf("%s has no such line", found)
	}
}
