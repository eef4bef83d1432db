package store_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPipesDoNotHold: who waits for the other end of a pipe, or for what comes through it, ends at the first signal.
func TestPipesDoNotHold(t *testing.T) {
	images := t.TempDir()
	makeImage(t, images, 14, 1)
	m := newMachine(t, images)
	ref := "oci:" + images + ":latest"
	m.must("pull", ref)
	t.Cleanup(m.noLeftovers)
	for _, words := range [][]string{
		{"pull", "docker-archive:PIPE"}, {"pull", "oci-archive:PIPE"}, {"inspect", "docker-archive:PIPE"},
		{"push", ref, "docker-archive:PIPE"}, {"push", ref, "oci-archive:PIPE"},
		{"install", "--system", "--values", "PIPE", ref}, {"install", "--system", "--set-file", "A=PIPE", ref}, {"render", "--values", "PIPE", ref},
	} {
		name := strings.ReplaceAll(strings.Join(words, " "), ref, "IMAGE")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silent := filepath.Join(t.TempDir(), "silent")
			if err := syscall.Mkfifo(silent, 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range words {
				words[i] = strings.Replace(words[i], "PIPE", silent, 1)
			}
			p := m.prepareWords(words...)
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := p.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatalf("it did not wait: %v\n%s", err, p.output.String())
			}
			if err := p.within(t, 10*time.Second); err == nil || !strings.Contains(p.output.String(), "interrupted: ") {
				t.Errorf("%v\n%s", err, p.output.String())
			}
		})
	}
}
