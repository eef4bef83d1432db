package node_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// tutorial is the page with the commands of most tests here.
const tutorial = "node.md"

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// commandsOf returns what a section of a page has to be typed on a node, with the images of the test's own registry.
func commandsOf(t *testing.T, page, section, node string) []string {
	t.Helper()
	_, text, found := strings.Cut(readPage(t, page), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/%s has no section %q", page, section)
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

// settingsOf returns a file of settings that a page shows.
func settingsOf(t *testing.T, page string, number int) string {
	t.Helper()
	found := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(readPage(t, page), -1)
	if len(found) <= number {
		t.Fatalf("docs/%s has %d files of settings", page, len(found))
	}
	return found[number][1]
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
			hosttest.Contains(t, command, out, expected...)
		}
	}
}
