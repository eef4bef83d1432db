package main

import (
	"io"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// printTree writes what waits for a unit below it, each with the reasons beside it.
func printTree(w io.Writer, g *install.Graph) {
	t := tree{graph: g, place: map[string]int{}, shown: map[string]bool{}}
	for i, unit := range g.Units {
		t.place[unit.Name] = i
	}
	for _, unit := range g.Units {
		if t.last(unit.Name) == "" {
			t.add(unit.Name, "", "", nil)
		}
	}
	for _, unit := range g.Units { // what waits for itself has no beginning
		if !t.shown[unit.Name] {
			t.add(unit.Name, "", "", nil)
		}
	}
	table(w, t.rows)
}

type tree struct {
	graph *install.Graph
	place map[string]int // in the start order
	shown map[string]bool
	rows  [][]string
}

// last is what a unit waits for longest: that is where it has its place in the tree.
func (t *tree) last(unit string) string {
	last := ""
	for _, edge := range t.graph.Edges {
		if edge.Then == unit && (last == "" || t.place[edge.First] > t.place[last]) {
			last = edge.First
		}
	}
	return last
}

// add writes a unit and what is below it. The first line of it begins with branch, the
// others with stem.
func (t *tree) add(unit, branch, stem string, why []string) {
	t.shown[unit] = true
	below := t.below(unit)
	t.line(branch+unit, t.stemOf(stem, below), why)
	for i, edge := range below {
		tip, more := "├─ ", "│  "
		if i == len(below)-1 {
			tip, more = "└─ ", "   "
		}
		if t.last(edge.Then) == unit && !t.shown[edge.Then] {
			t.add(edge.Then, stem+tip, stem+more, reasonsOf(edge))
		} else {
			t.line(stem+tip+edge.Then+" ...", stem+more, reasonsOf(edge))
		}
	}
}

// below are the edges to what waits for a unit, in start order.
func (t *tree) below(unit string) []order.Edge {
	var edges []order.Edge
	for _, edge := range t.graph.Edges {
		if edge.First == unit {
			edges = append(edges, edge)
		}
	}
	slices.SortStableFunc(edges, func(a, b order.Edge) int { return t.place[a.Then] - t.place[b.Then] })
	return edges
}

// stemOf goes on between the lines of one unit.
func (t *tree) stemOf(stem string, below []order.Edge) string {
	if len(below) > 0 {
		return stem + "│"
	}
	return stem
}

// line writes the name of a unit with its reasons, of which each but the first has a line
// of its own.
func (t *tree) line(name, stem string, why []string) {
	if len(why) == 0 {
		t.rows = append(t.rows, []string{name})
		return
	}
	t.rows = append(t.rows, []string{name, why[0]})
	for _, reason := range why[1:] {
		t.rows = append(t.rows, []string{stem, reason})
	}
}

// reasonsOf are the reasons of an edge, those of one file together.
func reasonsOf(edge order.Edge) []string {
	var reasons []string
	for i, reason := range edge.Reasons {
		if i > 0 && reason.File != "" && reason.File == edge.Reasons[i-1].File && reason.Stated() && edge.Reasons[i-1].Stated() {
			previous := &reasons[len(reasons)-1]
			*previous = strings.Replace(*previous, " in ", ", "+reason.Setting+"= in ", 1)
			continue
		}
		reasons = append(reasons, reason.String())
	}
	return reasons
}
