package tests_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWritingAnImage builds the image of docs/writing-an-image.md, and runs the commands there.
func TestWritingAnImage(t *testing.T) {
	page, err := os.ReadFile("../docs/writing-an-image.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range regexp.MustCompile("(?s)\n`([^`\n]+)`\n\n```\\w*\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		name := filepath.Join(dir, file[1])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(file[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "greeter"), []byte(buildApp(t)), 0o755); err != nil {
		t.Fatal(err)
	}
	layouts := t.TempDir()
	commands := strings.ReplaceAll(strings.Join(commandsAfter(string(page), "$ "), "\n"), "oci:/srv/", "oci:"+layouts+"/")
	policy, err := filepath.Abs("../images/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "sh", "-ec",
		`buildah() { command buildah --storage-driver=vfs --root="$STORAGE/root" --runroot="$STORAGE/run" "$@"; }`+"\n"+
			strings.NewReplacer("buildah build ", "buildah build --isolation=chroot $POLICY ", "buildah push ", "buildah push $POLICY ").Replace(commands))
	build.Env = append(os.Environ(), "STORAGE="+t.TempDir(), "POLICY=--signature-policy="+policy)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := machineWith(t, map[string]string{shared: layouts})
	for _, command := range commandsAfter(string(page), "# ") {
		out := m.Must("sh", "-c", command)
		switch {
		case strings.Contains(command, "verify") && out != "":
			t.Errorf("%s says %s", command, out)
		case strings.Contains(command, "show"):
			contains(t, command, out, "greeter-again.timer, active, enabled", "/etc/greeter/greeter.env")
			logged(m, "greeter", "serving, GREETING=good morning,")
			logged(m, "greeter-again", "hello, once")
			contains(t, "its environment", m.Must("cat", "/etc/greeter/greeter.env"), `GREETING="good morning"`)
			sameText(t, "its state", m.Must("stat", "-c", "%u %a", "/var/lib/greeter"), "65534 750")
		}
	}
	m.Must("rmdir", "/var/lib/greeter", "/var/lib/greeter2")
}

// commandsAfter returns the lines of the page's consoles that begin with the prompt.
func commandsAfter(page, prompt string) []string {
	var commands []string
	for _, console := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(console[1]) {
			if command, ok := strings.CutPrefix(line, prompt); ok {
				commands = append(commands, strings.TrimSpace(command))
			}
		}
	}
	return commands
}
