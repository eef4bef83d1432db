package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOutputIsAPipeWhereConfigJSONSaysSo(t *testing.T) {
	for annotations, want := range map[string]bool{
		`{}`:   false,
		`null`: false,
		`{"io.github.syscontainer.output": "pipe"}`:    true,
		`{"io.github.syscontainer.output": "journal"}`: false,
	} {
		bundle := t.TempDir()
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(`{"annotations": `+annotations+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := readFacts(bundle)
		if err != nil || f.Pipe != want {
			t.Errorf("%s: got %+v, %v", annotations, f, err)
		}
		o, err := containerOutput(f)
		if err != nil || (o.stdout != os.Stdout) != want || (o.stderr != os.Stderr) != want {
			t.Errorf("%s: got %+v, %v", annotations, o, err)
		}
		o.Close()
	}
}
