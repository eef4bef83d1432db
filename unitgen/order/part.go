package order

import (
	"maps"
	"slices"
)

// A Part is what there is to say about some units of a graph.
type Part struct {
	Units []string // in a possible start order; what has none comes last
	Edges []Edge   // between them, sorted
	Cycle Cycle    // why there is no such order, or nil
}

// Around returns the named units with those that somebody wrote an order for between them
// and the named ones. What systemd adds by itself, it has only between the named units.
func (g *Graph) Around(names []string) Part {
	named := map[string]bool{}
	for _, name := range names {
		named[g.name(name)] = true
	}
	units := maps.Clone(named)
	for name := range named {
		for _, near := range []map[string][]Reason{g.first[name], g.then[name]} {
			for other, why := range near {
				if g.isOrdered(other) && slices.ContainsFunc(why, Reason.Stated) {
					units[other] = true
				}
			}
		}
	}
	part := Part{}
	for _, edge := range g.Edges() {
		stated := slices.ContainsFunc(edge.Reasons, Reason.Stated)
		if units[edge.First] && units[edge.Then] && (stated || named[edge.First] && named[edge.Then]) {
			part.Edges = append(part.Edges, g.withNeed(edge))
		}
	}
	order, left := sorted(slices.Sorted(maps.Keys(units)), part.Edges)
	part.Units = append(order, left...)
	part.Cycle = g.cycleAmong(left)
	return part
}

// isOrdered tells whether it means anything to come before or after the unit: those that
// are always up, and slices, which only hold others, are not waited for.
func (g *Graph) isOrdered(name string) bool {
	return g.Exists(name) && kindOf(name) != "slice" && !g.units.byName[name].perpetual()
}

// cycleAmong returns a cycle through one of the units, or nil.
func (g *Graph) cycleAmong(names []string) Cycle {
	for _, first := range names {
		for _, then := range slices.Sorted(maps.Keys(g.then[first])) {
			if !g.holds(first, then) {
				continue
			}
			if cycle := g.cycleThrough(first, then); cycle != nil {
				return cycle
			}
		}
	}
	return nil
}

// withNeed adds why the later unit starts the earlier one, too.
func (g *Graph) withNeed(edge Edge) Edge {
	edge.Reasons = append(edge.Reasons, g.pulls[edge.Then][edge.First]...)
	slices.SortStableFunc(edge.Reasons, compareReasons)
	return edge
}

// sorted puts names into an order that fulfils the edges, and the first of the alphabet
// first where that leaves a choice. What is in a cycle, or behind one, is left.
func sorted(names []string, edges []Edge) (order, left []string) {
	waits := map[string]int{}
	for _, edge := range edges {
		waits[edge.Then]++
	}
	left = slices.Clone(names)
	for {
		i := slices.IndexFunc(left, func(name string) bool { return waits[name] == 0 })
		if i < 0 {
			return order, left
		}
		order = append(order, left[i])
		for _, edge := range edges {
			if edge.First == left[i] {
				waits[edge.Then]--
			}
		}
		left = slices.Delete(left, i, i+1)
	}
}
