package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/tests/golden"
)

// TestManPage keeps the man page what the command line says of itself. The library's
// own page leaves descriptions and the names of values out, so that the form is ours:
// testdata/syscontainer.8.tmpl.
func TestManPage(t *testing.T) {
	got := manPage(t, newApp(os.Stdout, os.Stderr))
	path := filepath.Join("..", "..", "docs", "man", "syscontainer.8")
	if golden.Update() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what --help says; run: make docs", path)
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	for _, command := range verbs(newApp(os.Stdout, os.Stderr).Commands) {
		if command.UsageText == "" || command.Description == "" {
			t.Errorf("%s: --help and the man page need UsageText and Description", command.Name)
		}
	}
}

// verbs are the commands, and in the place of one that has commands of its own
// those.
func verbs(commands []*cli.Command) []*cli.Command {
	var list []*cli.Command
	for _, c := range commands {
		if len(c.Subcommands) > 0 {
			list = append(list, verbs(c.Subcommands)...)
		} else {
			list = append(list, c)
		}
	}
	return list
}

func manPage(t *testing.T, app *cli.App) string {
	t.Helper()
	page, err := template.New("syscontainer.8.tmpl").
		Funcs(template.FuncMap{"roff": roff, "term": term, "usage": usage, "verbs": verbs}).
		ParseFiles(filepath.Join("testdata", "syscontainer.8.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := page.Execute(&text, app); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// roff writes plain text so that man shows it as it is.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	return regexp.MustCompile(`(?m)^([.'])`).ReplaceAllString(text, `\&$1`)
}

var placeholder = regexp.MustCompile("`([^`]+)`")

// term is a flag with what it takes: --name NAME.
func term(flag cli.Flag) string {
	text := `\fB\-\-` + roff(flag.Names()[0]) + `\fR`
	documented := flag.(cli.DocGenerationFlag)
	if !documented.TakesValue() {
		return text
	}
	value := "VALUE"
	if found := placeholder.FindStringSubmatch(documented.GetUsage()); found != nil {
		value = found[1]
	}
	return text + ` \fI` + roff(value) + `\fR`
}

// usage is what a flag means, with its default where there is one.
func usage(flag cli.Flag) string {
	documented := flag.(cli.DocGenerationFlag)
	text := placeholder.ReplaceAllString(roff(documented.GetUsage()), `\fI$1\fR`)
	if value := documented.GetDefaultText(); documented.TakesValue() && value != "" {
		text += " (default: " + roff(value) + ")"
	}
	return text
}
