package order

import (
	"maps"
	"slices"
	"strings"
)

// A Cycle is a way that leads from a unit through what waits for it back to the unit. No
// order fulfils it: systemd leaves one of the units out, and not always the same.
type Cycle []Edge

// String has a line for each edge, in the order in which the units wait.
func (c Cycle) String() string {
	var lines []string
	for _, edge := range slices.Backward(c) {
		lines = append(lines, edge.Then+" waits for "+edge.First+": "+edge.Reasons[0].String())
	}
	return strings.Join(lines, "\n")
}

// NewCycle returns a shortest cycle that is in g and was not in before, or nil. Only units
// that exist count, and only such as can be up together: a cycle through shutdown.target
// keeps nobody from starting.
func (g *Graph) NewCycle(before *Graph) Cycle {
	var shortest Cycle
	for _, first := range slices.Sorted(maps.Keys(g.then)) {
		for _, then := range slices.Sorted(maps.Keys(g.then[first])) {
			if g.holds(first, then) && !before.holds(first, then) {
				cycle := g.cycleThrough(first, then)
				if cycle != nil && (shortest == nil || len(cycle) < len(shortest)) {
					shortest = cycle
				}
			}
		}
	}
	return shortest
}

// holds tells whether there is such an edge between units that both exist.
func (g *Graph) holds(first, then string) bool {
	return g.Exists(first) && g.Exists(then) && g.then[first][then] != nil
}

// cycleThrough returns a shortest cycle that begins with an edge, or nil.
func (g *Graph) cycleThrough(first, then string) Cycle {
	from := map[string]string{then: first} // how the search came to each unit
	next := []string{then}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		if at == first {
			return g.wayBack(first, from)
		}
		for _, name := range slices.Sorted(maps.Keys(g.then[at])) {
			if _, seen := from[name]; !seen && g.Exists(name) && !g.conflict(name, first) && !g.conflict(name, then) {
				from[name] = at
				next = append(next, name)
			}
		}
	}
	return nil
}

func (g *Graph) wayBack(first string, from map[string]string) Cycle {
	var cycle Cycle
	for at := first; ; {
		cycle = append(cycle, g.edge(from[at], at))
		if at = from[at]; at == first {
			slices.Reverse(cycle)
			return cycle
		}
	}
}

// conflict tells whether starting one of two units stops the other.
func (g *Graph) conflict(a, b string) bool { return len(g.conflicts[a][b])+len(g.conflicts[b][a]) > 0 }

// Contradictions tell which of the named units can never run: they need a unit with which
// they cannot be up. One line each.
func (g *Graph) Contradictions(names []string) []string {
	var found []string
	for _, name := range names {
		for _, needed := range slices.Sorted(maps.Keys(g.pulls[name])) {
			for _, why := range g.pulls[name][needed] {
				conflicts := slices.Concat(g.conflicts[name][needed], g.conflicts[needed][name])
				if why.Requires() && len(conflicts) > 0 {
					found = append(found, name+" needs "+needed+" ("+why.String()+") and cannot be up with it ("+conflicts[0].String()+")")
				}
			}
		}
	}
	return found
}

// Restless tells which services start something that requires them, where the one or the
// other is among the named units. systemd 254 and later starts what a service wants when
// the service has failed and waits for its restart, and that starts the service at once:
// it is tried again and again without a pause. One line each.
func (g *Graph) Restless(names []string) []string {
	var found []string
	for _, u := range g.units.loaded() {
		for _, wanted := range slices.Sorted(maps.Keys(g.pulls[u.name])) {
			concerned := slices.Contains(names, u.name) || slices.Contains(names, wanted)
			wants := slices.IndexFunc(g.pulls[u.name][wanted], func(r Reason) bool { return r.Setting == "Wants" || r.Setting == "Upholds" })
			requires := slices.IndexFunc(g.pulls[wanted][u.name], Reason.Requires)
			if kindOf(u.name) == "service" && concerned && wants >= 0 && requires >= 0 {
				found = append(found, u.name+" starts "+wanted+" ("+g.pulls[u.name][wanted][wants].String()+"), which requires it ("+
					g.pulls[wanted][u.name][requires].String()+")")
			}
		}
	}
	return found
}

// Requires tells whether a unit cannot be without the other, for this reason.
func (r Reason) Requires() bool {
	return slices.Contains([]string{"Requires", "Requisite", "BindsTo"}, r.Setting)
}
