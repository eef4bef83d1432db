package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func rollbackCommand() *cli.Command {
	return &cli.Command{
		Name:      "rollback",
		Usage:     "bring a container back to an earlier deployment",
		ArgsUsage: "NAME",
		UsageText: "syscontainer rollback [--to N] [--wait DURATION] [--dry-run] [--json] NAME",
		Description: "Goes back to the deployment that was current before, with its image, its configuration and\n" +
			"its values. Nothing is pulled, and the data of the service stays as it is. Rolling back\n" +
			"twice rolls forward again. As with update, a service that runs is restarted, and the\n" +
			"deployment is put back that was there when that fails.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "to", Usage: "go to deployment `N`, one of those that show lists", DefaultText: "the one before"},
			waitFlag(),
			dryRunFlag(),
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			request := install.RollbackRequest{To: c.Int("to"), Soak: c.Duration("wait"), DryRun: c.Bool("dry-run")}
			if c.IsSet("to") && request.To < 1 {
				return usageErrorf("rollback: --to %d: deployments have numbers from 1", request.To)
			}
			return withContainer(c, func(ctx context.Context, installer *install.Installer, name string) error {
				return runRollback(ctx, installer, name, request, outputOf(c))
			})
		},
	}
}

func runRollback(ctx context.Context, installer *install.Installer, name string, request install.RollbackRequest, out output) error {
	result, err := installer.Rollback(ctx, name, request)
	if err != nil {
		return err
	}
	for _, warning := range result.Warnings {
		out.warn(name + ": " + warning)
	}
	return out.print(result, func(w io.Writer) {
		record := result.Record
		if result.Plan != nil {
			fmt.Fprintf(w, "%s: would go back to %s (deployment %d after %d)\n", name, record.Image.Reference, record.Deployment, result.From.Deployment)
			printPlan(w, result.Plan)
			return
		}
		if !result.Changed {
			fmt.Fprintf(w, "%s: deployment %d is the current one already; nothing was changed\n", name, record.Deployment)
			return
		}
		fmt.Fprintf(w, "%s: back to %s (deployment %d after %d)\n", name, record.Image.Reference, record.Deployment, result.From.Deployment)
		printKept(w, result)
	})
}
