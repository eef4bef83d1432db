package main

import (
	"context"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a container once, in the foreground",
		ArgsUsage: "IMAGE [ARGUMENT...]",
		UsageText: "syscontainer run [OPTIONS] IMAGE [ARGUMENT...]",
		Description: "Runs a container of IMAGE, which is pulled if the store does not have it, and removes the container\n" +
			"when it has ended. Input, output, signals and the exit status are its own, and it has a terminal if\n" +
			"standard input and output are one. ARGUMENTs stand for the image's Cmd or, if the image has a\n" +
			"config.json, for the command line in that. There is no unit, and no file is installed. Options stand\n" +
			"before IMAGE.",
		Flags: slices.Concat(policyFlags(), []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "call the container `NAME`, and not as the image with a number behind it"},
		}, valueFlags(), []cli.Flag{
			&cli.StringFlag{Name: "runtime", Usage: "run the container with the OCI runtime at `PATH`"},
		}),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usageErrorf("run: IMAGE is missing; see: syscontainer run --help")
			}
			values, err := parseValues(c)
			if err != nil {
				return err
			}
			request := deployment.Request{
				Image: c.Args().First(), Name: c.String("name"), Values: values.texts, Exposed: values.exposed, Runtime: c.String("runtime"),
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runOnce(ctx, installer, request, c.Args().Tail(), outputOf(c))
			})
		},
	}
}

func runOnce(ctx context.Context, installer *install.Installer, request deployment.Request, args []string, out output) error {
	once := deployment.Once{Args: args}
	once.Terminal, once.Env = terminal()
	status, err := installer.Run(ctx, request, once, out.warn)
	if err != nil || status == exitDone {
		return err
	}
	return statusError(status)
}

// terminal is the size of the one with which a program that gets our files works with a
// person, and what a program has to know of it; nil where there is none.
func terminal() (*specs.Box, []string) {
	if !isTerminal(os.Stdin) || !isTerminal(os.Stdout) {
		return nil, nil
	}
	env := settings([]string{"TERM"}, os.LookupEnv)
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return &specs.Box{}, env
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}, env
}

// statusError is the end of a program that is not ours. There is nothing more to say of it.
type statusError int

func (statusError) Error() string { return "the program has ended with another status than 0" }
