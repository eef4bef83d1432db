package main

import (
	"cmp"
	"context"
	"io"
	"runtime/debug"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

// A list is over before the collector has earned what it costs: with this it begins at
// 32 MB of memory and not at 4.
const listGCPercent = 800

func listCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the containers of the host and their state",
		UsageText: "syscontainer list [--json]",
		Description: "One line for each container, also for one that is broken. STATE and ENABLED are what systemd\n" +
			"says, and not known where it does not run.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runList(ctx, installer, outputOf(c))
			})
		},
	}
}

func runList(ctx context.Context, installer *install.Installer, out output) error {
	debug.SetGCPercent(listGCPercent)
	list, err := installer.List(ctx)
	if err != nil {
		return err
	}
	return out.print(list, func(w io.Writer) { table(w, listRows(list)) })
}

func listRows(list []install.Summary) [][]string {
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
	return rows
}
