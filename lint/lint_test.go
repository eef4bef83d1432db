package lint_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/lint"
	"github.com/syscontainer/syscontainer/tests/golden"
)

// check lints a directory as the command does.
func check(dir, name string) []lint.Finding {
	files := os.DirFS(dir)
	preview, err := deployment.RenderDirectory(files, deployment.Request{Image: name})
	return lint.Check(lint.Subject{Files: files, Preview: preview, Refused: err})
}

func text(findings []lint.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String() + "\n")
		if f.Hint != "" {
			b.WriteString("  hint: " + strings.ReplaceAll(f.Hint, "\n", "\n        ") + "\n")
		}
	}
	return b.String()
}

// TestFixtures compares the findings of each directory in testdata with its want.txt.
func TestFixtures(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*")
	if err != nil || len(dirs) < 10 {
		t.Fatalf("%d fixtures, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		if filepath.Base(dir) == "fuzz" { // seeds of FuzzCheck
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			got := text(check(dir, "hello"))
			golden.Check(t, filepath.Join(dir, "want.txt"), []byte(got))
		})
	}
}

// TestEtcdIsClean holds our own image to the rules.
func TestEtcdIsClean(t *testing.T) {
	if got := text(check("../images/etcd", "etcd")); got != "" {
		t.Error(got)
	}
}

// TestLabelsOfAnImage are those of its configuration, and not of a file in it.
func TestLabelsOfAnImage(t *testing.T) {
	files := fstest.MapFS{"Containerfile": {Data: []byte("FROM scratch\n")}, "exports/manifest.json": {Data: []byte(`{"noContainerService":true}`)}}
	for _, c := range []struct {
		config imgspec.Image
		want   int
	}{
		{imgspec.Image{}, 2},
		{imgspec.Image{Author: "somebody"}, 1},
		{imgspec.Image{Config: imgspec.ImageConfig{Labels: map[string]string{"maintainer": "x", "atomic.type": "system"}}}, 0},
	} {
		preview, err := deployment.RenderDirectory(files, deployment.Request{Image: "x"})
		if got := lint.Check(lint.Subject{Files: files, Config: &c.config, Preview: preview, Refused: err}); len(got) != c.want {
			t.Errorf("%+v: want %d findings, got\n%s", c.config, c.want, text(got))
		}
	}
}

// TestJSONKeys are what scripts rely on.
func TestJSONKeys(t *testing.T) {
	got, err := json.Marshal(lint.Finding{Code: "a", Severity: lint.Advice, File: "b", Line: 1, Column: 2, Text: "c", Hint: "d"})
	const want = `{"code":"a","severity":"advice","file":"b","line":1,"column":2,"text":"c","hint":"d"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}
