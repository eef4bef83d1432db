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
		UsageText: "syscontainer uninstall [--json] NAME",
		Description: "Stops the service and removes its unit, its host files and its deployments. The data\n" +
			"directories of the service, files that were changed since they were installed, and the\n" +
			"image in the store stay.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withContainer(c, func(ctx context.Context, installer *install.Installer, name string) error {
				return runUninstall(ctx, installer, name, outputOf(c))
			})
		},
	}
}

func runUninstall(ctx context.Context, installer *install.Installer, name string, out output) error {
	result, err := installer.Uninstall(ctx, name)
	if err != nil {
		return err
	}
	return out.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "uninstalled %s\n", name)
		for _, kept := range result.Kept {
			fmt.Fprintf(w, "kept %s, which was changed since it was installed\n", kept)
		}
	})
}
