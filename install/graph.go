package install

import (
	"context"
	"fmt"
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hostunits"
	"github.com/syscontainer/syscontainer/unitgen"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// Graph is the order in which containers start, with what somebody has ordered them
// against. Its JSON keys are never renamed.
type Graph struct {
	// Units are in a possible start order.
	Units []GraphUnit `json:"units"`
	// Edges are between them, sorted by name.
	Edges []order.Edge `json:"edges"`
	// Cycle says why there is no start order; empty when there is one.
	Cycle    order.Cycle `json:"cycle,omitempty"`
	Warnings []string    `json:"warnings"`
}

// GraphUnit is a unit of a graph.
type GraphUnit struct {
	Name      string `json:"name"`
	Container string `json:"container,omitempty"` // whose unit it is; "" for one of the host's
}

// Graph reads the order of the named containers, and of units that are named with their
// suffix; of all containers for no names. It needs no systemd. What is wrong with units of
// others is among the warnings.
func (in *Installer) Graph(_ context.Context, names []string) (*Graph, error) {
	records, err := in.currentRecords()
	if err != nil {
		return nil, err
	}
	dirs, warnings := hostunits.Read(in.Tree)
	units := order.Load(dirs)
	graph := units.Graph()
	named, err := graphNames(graph, records, names)
	if err != nil {
		return nil, err
	}
	part := graph.Around(named)
	shown := &Graph{Units: []GraphUnit{}, Edges: []order.Edge{}, Cycle: part.Cycle, Warnings: append(append([]string{}, warnings...), units.Warnings()...)}
	for _, name := range part.Units {
		if isShown(name, named) {
			shown.Units = append(shown.Units, GraphUnit{Name: name, Container: containerOf(records, name)})
		}
	}
	for _, edge := range part.Edges {
		if isShown(edge.First, named) && isShown(edge.Then, named) {
			shown.Edges = append(shown.Edges, edge)
		}
	}
	return shown, nil
}

// StartOrder lists all containers in an order in which they can start: those that others
// wait for come first. Those of which the order is not known come last, by name.
func (in *Installer) StartOrder(ctx context.Context) ([]string, error) {
	names, err := in.containerNames()
	if err != nil || len(names) < 2 {
		return names, err
	}
	graph, err := in.Graph(ctx, nil)
	if err != nil {
		return nil, err
	}
	ranks := map[string]int{}
	for i, u := range graph.Units {
		if u.Container != "" && u.Name == deployment.UnitName(u.Container) {
			ranks[u.Container] = i - len(graph.Units) // less than those that have none
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return ranks[a] - ranks[b] })
	return names, nil
}

// isShown leaves out what is before every container, unless somebody asks for it.
func isShown(unit string, named []string) bool {
	return unit != unitgen.RecoverUnit || slices.Contains(named, unit)
}

// graphNames are the units to show: those of all containers, or of those that are named.
func graphNames(graph *order.Graph, records []*deployment.Record, names []string) ([]string, error) {
	var units []string
	for _, record := range records {
		if len(names) == 0 || slices.Contains(names, record.Name) {
			units = append(units, record.UnitNames()...)
		}
	}
	for _, name := range names {
		switch {
		case slices.ContainsFunc(records, func(r *deployment.Record) bool { return r.Name == name }):
		case graph.Exists(name):
			units = append(units, name)
		case unitgen.CheckUnitName(name) == nil:
			return nil, fmt.Errorf("the host has no unit %s, or it is masked", name)
		default:
			return nil, hint.Add(fmt.Errorf("container %q is %w", name, ErrNotInstalled), "a unit that is no container's is named with its suffix: %s.service", name)
		}
	}
	return units, nil
}

// containerOf is the container whose unit it is, or "".
func containerOf(records []*deployment.Record, unit string) string {
	for _, record := range records {
		if slices.Contains(record.UnitNames(), unit) {
			return record.Name
		}
	}
	return ""
}
