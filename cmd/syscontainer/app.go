package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/hint"
)

// Exit statuses of every command.
const (
	exitDone   = 0 // done, or nothing to do
	exitFailed = 1
	exitUsage  = 2 // the command line is wrong
)

// completionFlag comes last when a shell asks what could follow.
const completionFlag = "--generate-bash-completion"

// version is set when the program is built.
var version = "devel"

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	results := &resultWriter{to: stdout}
	app := newApp(results, stderr)
	args, err := flagsFirst(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		err = results.err
	}
	var status statusError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted: %w", err)
	}
	printError(stderr, err)
	var usage *hint.UsageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "syscontainer",
		Usage:     "install OCI images as systemd services, with no daemon",
		UsageText: "syscontainer [--root DIR] COMMAND [OPTIONS] [ARGUMENTS]",
		Description: "Pulls system containers from registries, archives or layouts, keeps them in an ostree repo,\n" +
			"and makes each a service of systemd, which starts and supervises it. No process of\n" +
			"syscontainer stays.",
		Version:   version,
		Writer:    stdout,
		ErrWriter: stderr,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "root", Usage: "work on the host whose file tree is below `DIR`, which does not run", TakesFile: true},
			&cli.StringFlag{Name: "config", Usage: "read settings from `FILE` of that host", TakesFile: true},
			&cli.DurationFlag{Name: "wait-lock", Usage: "wait no longer than `DURATION` for another syscontainer that changes the host; 0s not at all",
				Value: install.WaitForever, DefaultText: "without limit", Action: notNegative("wait-lock")},
			&cli.StringFlag{Name: "log-level", Usage: "tell more or less: `LEVEL` is debug, info, warn or error", Value: "warn"},
		},
		Commands: []*cli.Command{
			installCommand(), updateCommand(), rollbackCommand(), uninstallCommand(), listCommand(), showCommand(), verifyCommand(), healthCommand(), execCommand(), runCommand(),
			graphCommand(), recoverCommand(),
			pullCommand(), pushCommand(), inspectCommand(), imagesCommand(), mountCommand(), unmountCommand(),
			lintCommand(), renderCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError:              onUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // run decides
		DisableSliceFlagSeparator: true,                         // values contain commas
		HideHelpCommand:           true,
		EnableBashCompletion:      true,
		BashComplete:              completeCommands,
	}
	for _, command := range app.Commands {
		hideHelp(command)
	}
	completeEach(app.Commands)
	return app
}

// hideHelp keeps the library from taking the container "h" or "help" for its command help, and
// from telling of each switch that it is off by default.
func hideHelp(command *cli.Command) {
	command.HideHelpCommand = true
	hideFalse(command.Flags)
	for _, below := range command.Subcommands {
		hideHelp(below)
	}
}

// hideFalse leaves out of --help that a switch is off by default.
func hideFalse(flags []cli.Flag) {
	for _, flag := range flags {
		if flag, ok := flag.(*cli.BoolFlag); ok {
			flag.DisableDefaultText = true
		}
	}
}

// completeEach gives commands their completion: flags, or the commands below.
func completeEach(commands []*cli.Command) {
	for _, command := range commands {
		command.BashComplete = completeFlags
		if len(command.Subcommands) == 0 {
			continue
		}
		completeEach(command.Subcommands)
		var names []string
		for _, below := range command.Subcommands {
			names = append(names, below.Name)
		}
		command.BashComplete = func(c *cli.Context) { fmt.Fprintln(c.App.Writer, strings.Join(names, "\n")) }
	}
}

// onUsageError says of an option that is wrong where the right ones stand. That an option is unknown the
// library tells by its words alone.
func onUsageError(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usageErrorf("%w; see: %s --help", err, c.Command.HelpName)
	}
	for _, flag := range c.App.Flags {
		if slices.Contains(flag.Names(), name) {
			return usageErrorf("--%s stands before the command; see: %s --help", name, c.App.Name)
		}
	}
	return usageErrorf("there is no option %q; see: %s --help", name, c.Command.HelpName)
}

func usageErrorf(format string, args ...any) error {
	return &hint.UsageError{Err: fmt.Errorf(format, args...)}
}

// completeCommands prints what can stand where a command is wanted. The library
// would add its help command, which we do not have.
func completeCommands(c *cli.Context) {
	c.Command.Subcommands = c.App.VisibleCommands()
	cli.DefaultAppComplete(c)
}

// completeFlags prints the flags that can stand behind a command.
func completeFlags(c *cli.Context) {
	c.Command.Subcommands = nil // again the library's help
	cli.DefaultCompleteWithFlags(c.Command)(c)
}

// noArguments refuses arguments of a command that takes none.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usageErrorf("there is an argument, %[2]q, and %[1]s takes none", c.Command.HelpName, c.Args().First())
	}
	return nil
}

// oneArgument returns the only argument of a command, or a usage error that
// names what is wanted.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 0:
		return "", usageErrorf("%s: %s is missing; see: syscontainer %s --help", c.Command.Name, what, c.Command.Name)
	case 1:
		return c.Args().First(), nil
	}
	return "", usageErrorf("%s: one %s is wanted, and there are %d: %s", c.Command.Name, what, c.NArg(), strings.Join(c.Args().Slice(), " "))
}

// flagsFirst moves the flags of a command before its arguments, because the
// library stops to look for flags at the first argument and people do not.
// What follows "--" is never a flag. A request for completion stays as it is: there
// the order says what is to be completed.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	if args[len(args)-1] == completionFlag {
		return args, nil
	}
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			command := app.Command(arg)
			if command == nil {
				return args, nil
			}
			for i+1 < len(args) && command.Command(args[i+1]) != nil {
				i++
				command = command.Command(args[i])
			}
			flags, rest, err := splitFlags(command, args[i+1:])
			return slices.Concat(args[:i+1], flags, rest), err
		}
		if takesValue(app.Flags, arg) {
			i++
		}
	}
	return args, nil
}

// endsWithCommand tells the commands whose first argument is followed by a command line
// that is not ours.
func endsWithCommand(c *cli.Command) bool {
	return slices.Contains([]string{"exec", "run"}, c.Name)
}

func splitFlags(command *cli.Command, args []string) (flags, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(rest) > 0 && endsWithCommand(command) {
			return flags, append(rest, args[i:]...), nil
		}
		if arg == "--" {
			return flags, append(append(rest, "--"), args[i+1:]...), nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			rest = append(rest, arg)
			continue
		}
		flags = append(flags, longForm(command.Flags, arg))
		if !takesValue(command.Flags, arg) {
			continue
		}
		if i++; i == len(args) {
			return nil, nil, usageErrorf("%s: %s wants a value", command.Name, arg)
		}
		flags = append(flags, args[i])
	}
	return flags, rest, nil
}

// longForm is a flag by its first name: the library refuses one that is there by both.
func longForm(flags []cli.Flag, arg string) string {
	name, value, assigns := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, flag := range flags {
		if names := flag.Names(); slices.Contains(names, name) {
			name = names[0]
		}
	}
	if assigns {
		name += "=" + value
	}
	return "--" + name
}

// takesValue reports whether the argument behind a flag belongs to it.
func takesValue(flags []cli.Flag, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	name := strings.TrimLeft(arg, "-")
	for _, flag := range flags {
		for _, known := range flag.Names() {
			if known == name {
				documented, ok := flag.(cli.DocGenerationFlag)
				return ok && documented.TakesValue()
			}
		}
	}
	return false
}
