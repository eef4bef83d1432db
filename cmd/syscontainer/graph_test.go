package main

import (
	"html"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// The documentation has the node of the script: its tree, and its picture as Graphviz drew it:
// the dot.golden of the script | dot -Tsvg > docs/ordering.svg.
func TestDocsShowTheNodeOfTheScript(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/script/graph.txt")
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string]string{}
	for _, f := range archive.Files {
		golden[f.Name] = string(f.Data)
	}
	page, err := os.ReadFile("../../docs/ordering.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n# syscontainer graph\n"+golden["tree.golden"]+"```\n") {
		t.Error("docs/ordering.md has another tree")
	}
	picture, err := os.ReadFile("../../docs/ordering.svg")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, title := range regexp.MustCompile(`<title>(.*)</title>`).FindAllStringSubmatch(string(picture), -1) {
		drawn[html.UnescapeString(title[1])] = true
	}
	edges := regexp.MustCompile(`"(.*)" -> "(.*)" \[`).FindAllStringSubmatch(golden["dot.golden"], -1)
	for _, edge := range edges {
		if !drawn[edge[1]+"->"+edge[2]] {
			t.Errorf("docs/ordering.svg does not have %s -> %s", edge[1], edge[2])
		}
		delete(drawn, edge[1]+"->"+edge[2])
	}
	for title := range drawn {
		if strings.Contains(title, "->") || len(edges) == 0 {
			t.Errorf("docs/ordering.svg has %s", title)
		}
	}
}
