package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func graphCommand() *cli.Command {
	return &cli.Command{
		Name:      "graph",
		Usage:     "show in which order containers start, and why",
		ArgsUsage: "[NAME...]",
		UsageText: "syscontainer graph [--dot | --json] [NAME...]",
		Description: "A tree of what starts after what: the containers, and the units of the host that somebody has\n" +
			"ordered them against, each with the files and settings that say so. Below a unit is what waits\n" +
			"for it; with several to wait for, a unit is where it is reached last, and marked with ... elsewhere.\n" +
			"NAME is a container, or any unit with its suffix; none means all containers. --dot prints the\n" +
			"graph for Graphviz: syscontainer graph --dot | dot -Tsvg. Fails when units wait for each other.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dot", Usage: "print a graph in the language of Graphviz"},
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Bool("dot") && c.Bool("json") {
				return usageErrorf("graph: --dot and --json cannot go together")
			}
			show := printTree
			if c.Bool("dot") {
				show = printDot
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runGraph(ctx, installer, c.Args().Slice(), outputOf(c), show)
			})
		},
	}
}

func runGraph(ctx context.Context, installer *install.Installer, names []string, out output, show func(io.Writer, *install.Graph)) error {
	graph, err := installer.Graph(ctx, names)
	if err != nil {
		return err
	}
	for _, warning := range graph.Warnings {
		out.warn(warning)
	}
	if err := out.print(graph, func(w io.Writer) { show(w, graph) }); err != nil {
		return err
	}
	if graph.Cycle != nil {
		return fmt.Errorf("there is no order in which all of these units can start:\n%s", graph.Cycle)
	}
	return nil
}
