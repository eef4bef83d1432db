package main

import (
	"context"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/runcspec"
)

func execCommand() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run a command in a container that runs",
		ArgsUsage: "NAME COMMAND [ARGUMENT...]",
		UsageText: "syscontainer exec [OPTIONS] NAME COMMAND [ARGUMENT...]",
		Description: "Runs COMMAND beside the program of the container, as its user and with its environment, if nothing\n" +
			"else is said. Input, output, signals and the exit status are those of COMMAND, which has a terminal\n" +
			"if standard input and output are one. Options stand before NAME.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set `NAME=VALUE` in the environment, or NAME to what it is here; may be repeated"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "run as `USER[:GROUP]` of the image, by name or number"},
			&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "begin in the directory `DIR` of the container"},
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.NArg() < 2 {
				return usageErrorf("exec: NAME and COMMAND are wanted; see: syscontainer exec --help")
			}
			options := runcspec.ExecOptions{Args: c.Args().Tail(), User: c.String("user"), Cwd: c.String("workdir")}
			options.Terminal, options.Env = terminal()
			options.Env = append(options.Env, settings(c.StringSlice("env"), os.LookupEnv)...)
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return installer.Exec(ctx, c.Args().First(), options)
			})
		},
	}
}

// settings gives a name without a value what it is here, and leaves it out if that is nothing.
func settings(given []string, here func(string) (string, bool)) []string {
	var list []string
	for _, setting := range given {
		if strings.Contains(setting, "=") {
			list = append(list, setting)
		} else if value, ok := here(setting); ok {
			list = append(list, setting+"="+value)
		}
	}
	return list
}
