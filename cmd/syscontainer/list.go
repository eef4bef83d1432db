package main

import (
	"cmp"
	"context"
	"io"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func listCommand() *cli.Command {
	return &cli.Command{
		Name:         "list",
		Usage:        "list the containers of the host and their state",
		ArgsUsage:    " ",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageErrorf("list: takes no arguments, and got %q", c.Args().First())
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runList(ctx, installer, c.Bool("json"), c.App.Writer)
			})
		},
	}
}

func runList(ctx context.Context, installer *install.Installer, asJSON bool, stdout io.Writer) error {
	list, err := installer.List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(stdout, list)
	}
	rows := [][]string{{"NAME", "STATE", "ENABLED", "DEPLOYMENT", "IMAGE"}}
	for _, s := range list {
		if s.Error != "" {
			rows = append(rows, []string{s.Name, "broken", "-", "-", s.Error})
			continue
		}
		rows = append(rows, []string{
			s.Name, cmp.Or(s.State, "-"), cmp.Or(s.Enabled, "-"), strconv.Itoa(s.Deployment), s.Image,
		})
	}
	table(stdout, rows)
	return nil
}
