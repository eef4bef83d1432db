package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// App compiles the program that is in many images of tests: one static file.
func App(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", file, "github.com/syscontainer/syscontainer/tests/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(program)
}
