package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// updateOptions are the words of an update command.
type updateOptions struct {
	names   []string
	all     bool
	request install.UpdateRequest
}

// updated is the line of one container that update prints; the keys are never renamed.
type updated struct {
	*install.Result
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
	// Skipped says why --all left the container as it is.
	Skipped string `json:"skipped,omitempty"`
}

func updateCommand() *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "bring a container to the image that its reference leads to now",
		ArgsUsage: "NAME...",
		UsageText: "syscontainer update [OPTIONS] NAME...|--all",
		Description: "Pulls the image again and makes a new deployment of it, with the values that were set before.\n" +
			"A service that runs is restarted, for which it is down as long as it takes to stop and to\n" +
			"start; one that does not run is not started. When it does not become ready, fails its\n" +
			"health check or ends within the time of --wait, the old deployment is put back and started\n" +
			"again, and the image remembered: --all passes it over from then on, and so it does with a\n" +
			"container that was rolled back, until it is updated by name. Where there is nothing new,\n" +
			"nothing happens. With --all, containers that cannot be updated do not keep the others from it.",
		Flags: slices.Concat(policyFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "update every container"},
			&cli.StringFlag{Name: "rebase", Usage: "go over to `IMAGE`, also for later updates"},
		}, valueFlags(), []cli.Flag{
			&cli.StringSliceFlag{Name: "unset", Usage: "forget the value of the variable `NAME`, so that the image's default counts; may be repeated"},
		}, relationFlags(), []cli.Flag{
			waitFlag(),
			dryRunFlag(),
			&cli.BoolFlag{Name: "retry", Usage: "also go to an image that failed before"},
			jsonFlag(),
		}),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			options, err := parseUpdate(c)
			if err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runUpdate(ctx, installer, options, outputOf(c))
			})
		},
	}
}

func parseUpdate(c *cli.Context) (updateOptions, error) {
	o := updateOptions{names: c.Args().Slice(), all: c.Bool("all")}
	switch {
	case o.all && len(o.names) > 0:
		return o, usageErrorf("update: --all is every container, and there is a NAME as well")
	case !o.all && len(o.names) == 0:
		return o, usageErrorf("update: NAME is missing; see: syscontainer update --help")
	}
	if o.all || len(o.names) > 1 {
		for _, flag := range []string{"rebase", "set", "set-file", "values", "unset", "after", "before", "requires", "wants"} {
			if c.IsSet(flag) {
				return o, usageErrorf("update: --%s is for one container at a time", flag)
			}
		}
	}
	if c.IsSet("rebase") && c.String("rebase") == "" {
		return o, usageErrorf("update: --rebase names no image")
	}
	values, err := parseValues(c)
	if err != nil {
		return o, err
	}
	o.request.Changes = deployment.Changes{
		Image:     c.String("rebase"),
		Values:    values.texts,
		Exposed:   values.exposed,
		Unset:     c.StringSlice("unset"),
		Relations: relationsOf(c),
	}
	o.request.Soak, o.request.Retry = c.Duration("wait"), c.Bool("retry")
	o.request.DryRun, o.request.LeaveRolledBack = c.Bool("dry-run"), o.all
	return o, nil
}

// waitFlag is that of verbs that restart a service.
func waitFlag() cli.Flag {
	return &cli.DurationFlag{
		Name:   "wait",
		Value:  10 * time.Second,
		Usage:  "a service that was ready must stay up for `DURATION`, or the old deployment is put back",
		Action: notNegative("wait"),
	}
}

// notNegative refuses durations that are less than nothing.
func notNegative(flag string) func(*cli.Context, time.Duration) error {
	return func(_ *cli.Context, d time.Duration) error {
		if d < 0 {
			return usageErrorf("--%s: %v is less than nothing", flag, d)
		}
		return nil
	}
}

func runUpdate(ctx context.Context, installer *install.Installer, o updateOptions, out output) error {
	names, err := o.containers(ctx, installer)
	if err != nil {
		return err
	}
	list := []updated{}
	var failed []string
	for _, name := range names {
		result, err := installer.Update(ctx, name, o.request)
		why := skipped(name, err)
		switch {
		case o.all && why != nil:
			out.warn(fmt.Sprintf("%s: skipped: %v", name, why))
			list = append(list, updated{Name: name, Skipped: why.Error()})
			continue
		case err != nil && (len(names) == 1 || ctx.Err() != nil):
			return err
		case err != nil:
			printError(out.stderr, err)
			failed = append(failed, name)
			list = append(list, updated{Name: name, Error: err.Error()})
			continue
		}
		for _, warning := range result.Warnings {
			out.warn(name + ": " + warning)
		}
		if !out.json {
			printUpdated(out.stdout, result)
		}
		list = append(list, updated{Name: name, Result: result})
	}
	if out.json {
		if err := printJSON(out.stdout, list); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d containers are not updated: %s", len(failed), len(names), strings.Join(failed, ", "))
	}
	return nil
}

// skipped is the reason for which --all leaves a container as it is; nil when there is none.
func skipped(name string, err error) error {
	var bad *install.KnownBadError
	var rolledBack *install.RolledBackError
	switch {
	case errors.As(err, &bad):
		return bad
	case errors.As(err, &rolledBack):
		return fmt.Errorf("%w; syscontainer update %s goes on from there", rolledBack, name)
	}
	return nil
}

// containers are the names of those to be updated. All of them are in the order in which
// they start, so that what others need is there when these are restarted.
func (o updateOptions) containers(ctx context.Context, installer *install.Installer) ([]string, error) {
	if !o.all {
		return o.names, nil
	}
	return installer.StartOrder(ctx)
}

func printUpdated(w io.Writer, result *install.Result) {
	if result.Plan != nil {
		fmt.Fprintf(w, "%s: would be updated to %s (deployment %d after %d)\n",
			result.Name, result.Record.Image.Reference, result.Record.Deployment, result.From.Deployment)
		printPlan(w, result.Plan)
		return
	}
	if !result.Changed {
		fmt.Fprintf(w, "%s: the latest version is already installed (deployment %d)\n", result.Name, result.Record.Deployment)
		return
	}
	fmt.Fprintf(w, "%s: updated to %s (deployment %d after %d)\n",
		result.Name, result.Record.Image.Reference, result.Record.Deployment, result.From.Deployment)
	printKept(w, result)
}

// printKept tells of the host files that stayed as the administrator has them.
func printKept(w io.Writer, result *install.Result) {
	for _, kept := range result.Kept {
		fmt.Fprintf(w, "%s: kept %s, which was changed since it was installed\n", result.Name, kept)
		for _, f := range result.Record.Files {
			if f.Beside == kept {
				fmt.Fprintf(w, "%s: the new one is %s\n", result.Name, f.Path)
			}
		}
	}
}
