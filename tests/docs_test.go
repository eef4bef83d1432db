package tests_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
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
	if err := os.WriteFile(filepath.Join(dir, "greeter"), []byte(hosttest.App(t)), 0o755); err != nil {
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
			hosttest.Contains(t, command, out, "greeter-again.timer, active, enabled", "/etc/greeter/greeter.env")
			logged(m, "greeter", "serving, GREETING=good morning,")
			logged(m, "greeter*", "hello, once")
			hosttest.Contains(t, "its environment", m.Must("cat", "/etc/greeter/greeter.env"), `GREETING="good morning"`)
			hosttest.SameText(t, "its state", m.Must("stat", "-c", "%u %a", "/var/lib/greeter"), "65534 750")
		}
	}
	m.Must("rmdir", "/var/lib/greeter", "/var/lib/greeter2")
}

// TestRunningAnyImage runs the commands of docs/any-image.md in their order, and compares their output where the page has it.
func TestRunningAnyImage(t *testing.T) {
	page, err := os.ReadFile("../docs/any-image.md")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := bed.Plain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mirror := t.TempDir()
	conf := filepath.Join(mirror, "etc/containers/registries.conf.d/library.conf")
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		t.Fatal(err)
	}
	const library = "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"localhost:5000\"\ninsecure = true\n"
	if err := os.WriteFile(conf, []byte(library), 0o644); err != nil {
		t.Fatal(err)
	}
	m := machineOf(t, host.Options{Layers: []string{bed.Product, layer, mirror}})
	commands := consoleCommands(string(page))
	if len(commands) < 15 {
		t.Fatalf("the page has only %d commands", len(commands))
	}
	for _, c := range commands {
		run := m.Must
		if strings.HasPrefix(c.line, "syscontainer exec ") { // a program may be up before it answers
			run = m.Eventually
		}
		if out := run("sh", "-c", c.line); c.output != "" {
			hosttest.SameText(t, c.line, out, c.output)
		}
	}
	m.Must("rm", "-r", "/srv/www")
}

// consoleCommand is a command of a page, and what it prints; "" where the page does not say.
type consoleCommand struct{ line, output string }

// consoleCommands returns what the superuser runs in the page's consoles.
func consoleCommands(page string) []consoleCommand {
	var commands []consoleCommand
	for _, console := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for _, part := range strings.Split("\n"+console[1], "\n# ")[1:] {
			line, output, _ := strings.Cut(part, "\n")
			commands = append(commands, consoleCommand{line, strings.TrimSpace(output)})
		}
	}
	return commands
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
