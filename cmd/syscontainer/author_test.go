package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLintDoesNotWaitForFifos: a fifo in a directory that is to become an image is a
// finding, and nobody waits for somebody to write to it.
func TestLintDoesNotWaitForFifos(t *testing.T) {
	dir := t.TempDir()
	exports := filepath.Join(dir, "exports")
	if err := os.Mkdir(exports, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(exports, "service.template"), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"syscontainer", "lint", dir}, &stdout, &stderr)
	if status != 1 || !strings.Contains(stdout.String(), "service.template: error: neither a file nor a directory") {
		t.Errorf("status %d\n%s%s", status, &stdout, &stderr)
	}
}
