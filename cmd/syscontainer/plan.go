package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// dryRunFlag is that of verbs that change a container.
func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "tell what would be done, and change nothing"}
}

// printPlan writes what carrying out a plan would do: a line for each thing, and then
// the differences of what is text.
func printPlan(w io.Writer, plan *deployment.Plan) {
	if plan.Download > 0 {
		fmt.Fprintf(w, "  download  %s\n", humanSize(uint64(plan.Download)))
	}
	for _, f := range plan.Files {
		fmt.Fprintf(w, "  %-8s  %s\n", f.Action, f.Path)
	}
	for _, unit := range plan.Stops {
		fmt.Fprintf(w, "  stop      %s\n", unit)
	}
	for _, unit := range plan.Restarts {
		fmt.Fprintf(w, "  restart   %s\n", unit)
	}
	for _, n := range plan.Retires {
		fmt.Fprintf(w, "  discard   deployment %d\n", n)
	}
	for _, dir := range plan.Purges {
		fmt.Fprintf(w, "  purge     %s\n", dir)
	}
	for _, f := range plan.Files {
		if f.Diff != "" {
			fmt.Fprintf(w, "\n%s", f.Diff)
		}
	}
}
