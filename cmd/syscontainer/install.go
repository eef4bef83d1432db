package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// installOptions are the words of an install command.
type installOptions struct {
	request deployment.Request
	now     bool
}

// starts reports whether the service of an installed container is to be started.
func (o installOptions) starts(record *deployment.Record) bool {
	return o.now && !o.request.DryRun && record.Unit != ""
}

func installCommand() *cli.Command {
	return &cli.Command{
		Name:      "install",
		Usage:     "install an image as a service",
		ArgsUsage: "IMAGE",
		UsageText: "syscontainer install [--system] [OPTIONS] IMAGE",
		Description: "Pulls IMAGE, checks it out, renders its configuration and its unit, installs its files\n" +
			"onto the host and enables the unit. Nothing is started, unless --now says so. IMAGE is a\n" +
			"name that registries.conf knows, or a reference with a transport, such as\n" +
			"docker://registry.example/etcd:3.6 or oci-archive:etcd.tar. One with the label atomic.run=once is run\n" +
			"as syscontainer run does it, and not installed.",
		Flags: slices.Concat(policyFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "system", Usage: "as a system container; there is no other kind"},
			&cli.StringFlag{Name: "name", Usage: "call the container and its unit `NAME`, and not as the image"},
		}, valueFlags(), []cli.Flag{
			&cli.StringFlag{Name: "runtime", Usage: "run the container with the OCI runtime at `PATH`"},
		}, relationFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "now", Usage: "start the service when it is installed"},
			&cli.BoolFlag{Name: "no-enable", Usage: "do not start the service at boot"},
			dryRunFlag(),
			jsonFlag(),
		}),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			options, err := parseInstall(c)
			if err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runInstall(ctx, installer, options, outputOf(c))
			})
		},
	}
}

// relationFlags are the flags with which a command takes orderings and requirements.
func relationFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "after", Usage: "start after `UNIT`; may be repeated"},
		&cli.StringSliceFlag{Name: "before", Usage: "start before `UNIT`; may be repeated"},
		&cli.StringSliceFlag{Name: "requires", Usage: "start `UNIT` as well, and stop with it; may be repeated"},
		&cli.StringSliceFlag{Name: "wants", Usage: "start `UNIT` as well; may be repeated"},
	}
}

func relationsOf(c *cli.Context) deployment.Relations {
	return deployment.Relations{
		After:    c.StringSlice("after"),
		Before:   c.StringSlice("before"),
		Requires: c.StringSlice("requires"),
		Wants:    c.StringSlice("wants"),
	}
}

func parseInstall(c *cli.Context) (installOptions, error) {
	image, err := oneArgument(c, "IMAGE")
	if err != nil {
		return installOptions{}, err
	}
	values, err := parseValues(c)
	if err != nil {
		return installOptions{}, err
	}
	return installOptions{
		request: deployment.Request{
			Image:     image,
			Name:      c.String("name"),
			Values:    values.texts,
			Exposed:   values.exposed,
			Runtime:   c.String("runtime"),
			Relations: relationsOf(c),
			NoEnable:  c.Bool("no-enable"),
			DryRun:    c.Bool("dry-run"),
		},
		now: c.Bool("now"),
	}, nil
}

func runInstall(ctx context.Context, installer *install.Installer, o installOptions, out output) error {
	result, err := installer.Install(ctx, o.request)
	if errors.Is(err, install.ErrRunsOnce) && !o.request.DryRun {
		return runOnce(ctx, installer, o.request, nil, out)
	}
	if err != nil {
		return err
	}
	for _, warning := range result.Warnings {
		out.warn(warning)
	}
	if o.starts(result.Record) {
		if err := installer.Start(ctx, result.Name); err != nil {
			return fmt.Errorf("%s is installed, and does not start: %w", result.Name, err)
		}
	}
	return out.print(result, func(w io.Writer) {
		printInstalled(w, o, result)
		if !result.Present && result.Plan == nil && result.Record.Unit != "" && !o.starts(result.Record) {
			fmt.Fprintln(w, startAdvice(installer, result.Record))
		}
	})
}

func printInstalled(w io.Writer, o installOptions, result *install.Result) {
	switch {
	case result.Present:
		printPresent(w, o, result.Record)
	case o.request.DryRun:
		fmt.Fprintf(w, "would install %s from %s\n", result.Name, result.Record.Image.Reference)
		printPlan(w, result.Plan)
	default:
		fmt.Fprintf(w, "installed %s from %s\n", result.Name, result.Record.Image.Reference)
	}
}

// printPresent says of a container that is there already how it becomes what was asked for.
func printPresent(w io.Writer, o installOptions, record *deployment.Record) {
	fmt.Fprintf(w, "%s is already present (%s, deployment %d)", record.Name, record.Image.Reference, record.Deployment)
	if o.starts(record) {
		fmt.Fprintln(w, ", and runs")
	} else {
		fmt.Fprintln(w, "; nothing was changed")
	}
	if len(o.request.Values) > 0 {
		fmt.Fprintf(w, "give it other values with: syscontainer update --set NAME=VALUE %s\n", record.Name)
	}
	if image := o.request.Image; image != record.Image.Given && image != record.Image.Reference {
		fmt.Fprintf(w, "bring it to another image with: syscontainer update --rebase IMAGE %s\n", record.Name)
	}
}

// startAdvice says how a container comes up that was installed and not started.
func startAdvice(installer *install.Installer, record *deployment.Record) string {
	if installer.Boot == "" && record.Enabled {
		return "it starts when the host boots"
	}
	return "start it with: systemctl start " + record.Name
}
