package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func uninstallCommand() *cli.Command {
	return &cli.Command{
		Name:      "uninstall",
		Usage:     "remove a container from the host",
		ArgsUsage: "NAME",
		UsageText: "syscontainer uninstall [--purge] [--dry-run] [--json] NAME",
		Description: "Stops the service and removes its unit, its host files and its deployments. The data\n" +
			"directories of the service, files that were changed since they were installed, and the\n" +
			"image in the store stay. --purge removes the data as well: what the tmpfiles.d file of the\n" +
			"container makes below /var/lib/NAME, unless somebody has put a link there, something is mounted\n" +
			"in it, or the directory is not the container's alone.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "purge", Usage: "remove the data of the service as well"},
			dryRunFlag(),
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withContainer(c, func(ctx context.Context, installer *install.Installer, name string) error {
				request := install.UninstallRequest{Purge: c.Bool("purge"), DryRun: c.Bool("dry-run")}
				return runUninstall(ctx, installer, name, request, outputOf(c))
			})
		},
	}
}

func runUninstall(ctx context.Context, installer *install.Installer, name string, request install.UninstallRequest, out output) error {
	result, err := installer.Uninstall(ctx, name, request)
	if err != nil {
		return err
	}
	for _, warning := range result.Warnings {
		out.warn(warning)
	}
	return out.print(result, func(w io.Writer) {
		if result.Plan != nil {
			fmt.Fprintf(w, "would uninstall %s\n", name)
			for _, dir := range result.Data {
				fmt.Fprintf(w, "would keep the data in %s (see --purge)\n", dir)
			}
			printPlan(w, result.Plan)
			return
		}
		fmt.Fprintf(w, "uninstalled %s\n", name)
		for _, kept := range result.Kept {
			fmt.Fprintf(w, "kept %s, which was changed since it was installed\n", kept)
		}
		for _, dir := range result.Data {
			fmt.Fprintf(w, "kept the data in %s; rm -r removes it\n", dir)
		}
		for _, dir := range result.Purged {
			fmt.Fprintf(w, "removed %s\n", dir)
		}
	})
}
