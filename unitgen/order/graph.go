package order

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// A Graph is the order in which the units of a host start; they stop the other way
// round. It does not change.
type Graph struct {
	units *Units
	then  map[string]map[string][]Reason // first -> what waits for it -> why
	first map[string]map[string][]Reason // the other way
	pulls map[string]map[string][]Reason // unit -> what it starts with itself -> why

	conflicts map[string]map[string][]Reason // unit -> what cannot be up with it -> why
}

// An Edge says that one unit starts before another, if both start.
type Edge struct {
	First   string   `json:"first"`
	Then    string   `json:"then"`
	Reasons []Reason `json:"reasons"`
}

// A Reason is a setting of a file, or a rule of systemd's own.
type Reason struct {
	Setting string `json:"setting,omitempty"` // such as After
	File    string `json:"file,omitempty"`    // that says it, or the link that does; "" where systemd says it by itself
	Rule    string `json:"rule,omitempty"`    // what systemd says by itself, in words
}

func (r Reason) String() string {
	if r.File == "" {
		return r.Rule
	}
	if r.Rule == "" {
		return r.Setting + "= in " + r.File
	}
	return r.Rule + ": " + r.Setting + "= in " + r.File
}

// Stated tells whether somebody wrote that these units are to have an order; else it
// follows from something else.
func (r Reason) Stated() bool { return r.Rule == "" }

// Graph returns the order of the units.
func (us *Units) Graph() *Graph {
	g := &Graph{
		units: us,
		then:  map[string]map[string][]Reason{},
		first: map[string]map[string][]Reason{},
		pulls: map[string]map[string][]Reason{},

		conflicts: map[string]map[string][]Reason{},
	}
	units := us.loaded()
	for _, u := range units {
		g.addStated(u)
		g.addImplicit(u)
	}
	for _, u := range units { // needs all that was stated
		g.addTargets(u)
	}
	return g
}

// loaded are the units that exist, each once, sorted.
func (us *Units) loaded() []*unit {
	var units []*unit
	for _, name := range slices.Sorted(maps.Keys(us.byName)) {
		if u := us.byName[name]; u.name == name && u.exists() {
			units = append(units, u)
		}
	}
	return units
}

// name returns the name of the unit that has this name or alias.
func (g *Graph) name(name string) string {
	if u, known := g.units.byName[name]; known {
		return u.name
	}
	return name
}

// Exists tells whether the host has the unit, and it is not masked.
func (g *Graph) Exists(name string) bool {
	u, known := g.units.byName[name]
	return known && u.exists()
}

// add makes an edge. No unit is before itself, and nothing delays a device.
func (g *Graph) add(first, then string, why Reason) {
	first, then = g.name(first), g.name(then)
	if first == then || kindOf(then) == "device" {
		return
	}
	put(g.then, first, then, why)
	put(g.first, then, first, why)
}

func put(edges map[string]map[string][]Reason, from, to string, why Reason) {
	if edges[from] == nil {
		edges[from] = map[string][]Reason{}
	}
	if !slices.Contains(edges[from][to], why) {
		edges[from][to] = append(edges[from][to], why)
	}
}

// addStated adds what the files of a unit say.
func (g *Graph) addStated(u *unit) {
	for _, word := range u.units("Unit", "After") {
		g.add(word.Text, u.name, stated("After", word))
	}
	for _, word := range u.units("Unit", "Before") {
		g.add(u.name, word.Text, stated("Before", word))
	}
	for _, setting := range pulling() {
		for _, word := range u.units("Unit", setting) {
			put(g.pulls, u.name, g.name(word.Text), stated(setting, word))
		}
	}
	for _, word := range u.units("Unit", "Conflicts") {
		put(g.conflicts, u.name, g.name(word.Text), stated("Conflicts", word))
	}
	for _, l := range u.links {
		put(g.pulls, u.name, g.name(l.unit), Reason{Setting: l.setting, File: l.path})
	}
}

func stated(setting string, word unitgen.Value) Reason {
	return Reason{Setting: setting, File: word.File}
}

// addTargets puts a target behind what it pulls in, where both have systemd's defaults
// and nobody says the contrary.
func (g *Graph) addTargets(u *unit) {
	if kindOf(u.name) != "target" || !u.hasDefaults() {
		return
	}
	for name, why := range g.pulls[u.name] {
		other := g.units.byName[name]
		if other == nil || !other.exists() || !other.hasDefaults() || g.then[u.name][name] != nil {
			continue
		}
		for _, reason := range why {
			reason.Rule = "a target comes after what it pulls in"
			g.add(name, u.name, reason)
		}
	}
}

// Edges returns all of them, sorted.
func (g *Graph) Edges() []Edge {
	var edges []Edge
	for _, first := range slices.Sorted(maps.Keys(g.then)) {
		for _, then := range slices.Sorted(maps.Keys(g.then[first])) {
			edges = append(edges, g.edge(first, then))
		}
	}
	return edges
}

// edge has its reasons in order: first what somebody wrote.
func (g *Graph) edge(first, then string) Edge {
	return Edge{First: first, Then: then, Reasons: slices.SortedFunc(slices.Values(g.then[first][then]), compareReasons)}
}

func compareReasons(a, b Reason) int {
	return cmp.Or(strings.Compare(a.Rule, b.Rule), strings.Compare(a.File, b.File), strings.Compare(a.Setting, b.Setting))
}

// Names returns the units that exist, sorted.
func (g *Graph) Names() []string {
	var names []string
	for _, u := range g.units.loaded() {
		names = append(names, u.name)
	}
	return names
}
