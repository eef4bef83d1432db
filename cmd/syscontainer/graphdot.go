package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// printDot writes a graph in the language of Graphviz: containers are filled, what is
// required has a thick line, and each line says why it is there.
func printDot(w io.Writer, g *install.Graph) {
	fmt.Fprint(w, "digraph order {\n"+
		"\tnode [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=12];\n"+
		"\tedge [fontname=\"sans-serif\", fontsize=10];\n")
	for _, unit := range g.Units {
		attributes := ""
		if unit.Container != "" {
			attributes = ` [style="rounded,filled", fillcolor="#d6e6f5"]`
		}
		fmt.Fprintf(w, "\t%s%s;\n", quoteDot(unit.Name), attributes)
	}
	for _, edge := range g.Edges {
		style := ""
		if slices.ContainsFunc(edge.Reasons, order.Reason.Requires) {
			style = ", style=bold"
		}
		fmt.Fprintf(w, "\t%s -> %s [label=%s, tooltip=%s%s];\n", quoteDot(edge.First), quoteDot(edge.Then),
			quoteDot(settingsOf(edge)), quoteDot(strings.Join(reasonsOf(edge), "\n")), style)
	}
	fmt.Fprintln(w, "}")
}

// settingsOf is a short form of the reasons of an edge.
func settingsOf(edge order.Edge) string {
	var settings []string
	for _, reason := range edge.Reasons {
		if word := reason.Setting + "="; reason.Stated() && !slices.Contains(settings, word) {
			settings = append(settings, word)
		}
	}
	return strings.Join(settings, " ")
}

// quoteDot writes a text as a string of Graphviz.
func quoteDot(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
