package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func healthCommand() *cli.Command {
	return &cli.Command{
		Name:      "health",
		Usage:     "run the health check of a container",
		ArgsUsage: "NAME",
		UsageText: "syscontainer health [--wait] [--json] NAME",
		Description: "Runs the command with which the image says whether its container works, in the running container,\n" +
			"once. With --wait, repeats it until it succeeds, or has failed as often in a row as the image\n" +
			"allows. The exit status is 1 when the container is not healthy, or has no health check.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "wait", Usage: "wait until the container is healthy"},
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withContainer(c, func(ctx context.Context, installer *install.Installer, name string) error {
				check := installer.CheckHealth
				if c.Bool("wait") {
					check = installer.AwaitHealth
				}
				return runHealth(ctx, check, name, outputOf(c))
			})
		},
	}
}

func runHealth(ctx context.Context, check func(context.Context, string) (*install.Health, error), name string, out output) error {
	health, err := check(ctx, name)
	if health == nil || err != nil && !out.json {
		return err
	}
	if writeErr := out.print(health, func(w io.Writer) { fmt.Fprintf(w, "%s is healthy\n", name) }); err == nil {
		err = writeErr
	}
	return err
}
