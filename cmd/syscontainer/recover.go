package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func recoverCommand() *cli.Command {
	return &cli.Command{
		Name:      "recover",
		Usage:     "finish or undo what was interrupted",
		ArgsUsage: " ",
		Description: "Brings every container that a crash or a power cut left in between to one side, wholly.\n" +
			"It runs at each boot before the containers, and every change of a container begins with it.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageErrorf("recover: takes no arguments, and got %q", c.Args().First())
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runRecover(ctx, installer, c.Bool("json"), c.App.Writer)
			})
		},
	}
}

// recovered is what recover tells with --json.
type recovered struct {
	Recovered []string `json:"recovered"`
}

func runRecover(ctx context.Context, installer *install.Installer, asJSON bool, stdout io.Writer) error {
	names, err := installer.Recover(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(stdout, recovered{Recovered: append([]string{}, names...)})
	}
	for _, name := range names {
		fmt.Fprintf(stdout, "recovered %s\n", name)
	}
	if len(names) == 0 {
		fmt.Fprintln(stdout, "nothing to recover")
	}
	return nil
}
