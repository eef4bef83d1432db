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
		UsageText: "syscontainer recover [--json]",
		Description: "Brings every container that a crash or a power cut left in between to one side, wholly.\n" +
			"It runs at boot before the containers, if there is anything to do, and every change of a\n" +
			"container begins with it.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runRecover(ctx, installer, outputOf(c))
			})
		},
	}
}

// recovered is what recover tells with --json.
type recovered struct {
	Recovered []string `json:"recovered"`
}

func runRecover(ctx context.Context, installer *install.Installer, out output) error {
	names, err := installer.Recover(ctx)
	if err != nil {
		return err
	}
	return out.print(recovered{Recovered: append([]string{}, names...)}, func(w io.Writer) {
		for _, name := range names {
			fmt.Fprintf(w, "recovered %s\n", name)
		}
		if len(names) == 0 {
			fmt.Fprintln(w, "nothing to recover")
		}
	})
}
