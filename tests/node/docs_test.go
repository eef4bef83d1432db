package node_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// tutorial is the page whose commands the tests of this package run.
func tutorial(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/node.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// commandsOf returns what a section of the page has to be typed on a node, with the images of the test's own registry.
func commandsOf(t *testing.T, section, node string) []string {
	t.Helper()
	_, text, found := strings.Cut(tutorial(t), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/node.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var commands []string
	for _, console := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(console[1]) {
			if command, ok := strings.CutPrefix(line, node+"# "); ok {
				commands = append(commands, strings.Replace(strings.TrimSpace(command), " busybox ", " "+image+" ", 1))
			}
		}
	}
	return commands
}

// settingsOf returns the file of settings that the page shows.
func settingsOf(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile("(?s)```toml\n(.*?)```").FindStringSubmatch(tutorial(t))
	if found == nil {
		t.Fatal("docs/node.md has no settings")
	}
	return found[1]
}

// runAsWritten runs a command of the page, on a machine on which the images are installed already.
func runAsWritten(t *testing.T, m *hosttest.Machine, command string) {
	t.Helper()
	if command == "systemctl reboot" {
		if err := m.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	}
	out := m.Must("sh", "-c", command)
	for word, expected := range map[string][]string{
		"list":  {"etcd", "flannel", "docker"},
		"graph": {"etcd.service", "flannel.service", "docker.service"},
		"cat":   {"FLANNEL_SUBNET=10.244."},
		"run":   {"inet 10.244."},
	} {
		if strings.Contains(" "+command+" ", " "+word+" ") {
			contains(t, command, out, expected...)
		}
	}
}
