package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/drift"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show all that is known of a container",
		ArgsUsage: "NAME",
		UsageText: "syscontainer show [--json] NAME",
		Description: "The image and its digest, the deployments and which of them a rollback leads to, images that failed\n" +
			"before, what systemd says of the unit, the values that were set and those that were not, but for\n" +
			"secrets, and each file on the host, with a note where it is changed or missing. Of a container that\n" +
			"is broken it tells what can be known, and exits with 1.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withContainer(c, func(ctx context.Context, installer *install.Installer, name string) error {
				return runShow(ctx, installer, name, outputOf(c))
			})
		},
	}
}

func runShow(ctx context.Context, installer *install.Installer, name string, out output) error {
	details, err := installer.Show(ctx, name)
	if details == nil {
		return err
	}
	return errors.Join(err, out.print(details, func(w io.Writer) { table(w, showRows(details)) }))
}

func showRows(d *install.Details) [][]string {
	rows := [][]string{{"name:", d.Name}}
	if d.Error != "" {
		rows = append(rows, []string{"broken:", strings.ReplaceAll(d.Error, "\n", "; ")})
	}
	if d.Deployment != 0 {
		rows = append(rows, []string{"image:", d.Image}, []string{"digest:", d.Digest}, []string{"commit:", d.Commit})
	}
	rows = append(rows, deploymentRows(d)...)
	if d.Unit != "" {
		rows = append(rows, []string{"unit:", unitLine(d)})
	}
	for _, unit := range d.Units {
		rows = append(rows, []string{"unit:", strings.Join(slices.DeleteFunc([]string{unit.Name, unit.State, unit.Enabled}, isEmpty), ", ")})
	}
	if d.Runtime != "" {
		rows = append(rows, []string{"runtime:", d.Runtime})
	}
	if d.MainPID != 0 {
		rows = append(rows, []string{"main pid:", strconv.Itoa(d.MainPID)})
	}
	if d.Status != "" {
		rows = append(rows, []string{"status:", d.Status})
	}
	if len(d.Ports) > 0 {
		rows = append(rows, []string{"ports:", strings.Join(d.Ports, ", ")})
	}
	if h := d.HealthCheck; h != nil {
		rows = append(rows, []string{"health check:", fmt.Sprintf("%q, every %s for %s at most", h.Exec, h.Interval, h.Timeout)})
	}
	rows = append(rows, valueRows(d)...)
	for _, f := range d.Files {
		line := f.Path
		switch f.State {
		case "missing":
			line += " (missing)"
		case "changed":
			line += " (changed: " + changes(f.Differences) + ")"
		}
		rows = append(rows, []string{"file:", line})
	}
	return rows
}

// changes says in what respects a file is changed, and by whom if that was his to do.
func changes(differences []drift.Difference) string {
	var aspects []string
	for _, d := range differences {
		aspects = append(aspects, string(d.Aspect))
	}
	text := strings.Join(aspects, ", ")
	if differences[0].Administrator {
		text += ", by the administrator"
	}
	return text
}

// deploymentRows are the deployments, and the images that failed.
func deploymentRows(d *install.Details) [][]string {
	var rows [][]string
	for _, one := range d.Deployments {
		words := []string{strconv.Itoa(one.Number)}
		switch {
		case one.Current && d.RolledBack:
			words[0] += " (current; rolled back to, so that update --all leaves it)"
		case one.Current:
			words[0] += " (current)"
		case one.Rollback:
			words[0] += " (where a rollback leads)"
		}
		if one.Error != "" {
			words = append(words, "broken: "+one.Error)
		} else {
			words = append(words, one.Created.Format(time.RFC3339), one.Digest)
		}
		rows = append(rows, []string{"deployment:", strings.Join(words, ", ")})
	}
	for _, digest := range slices.Sorted(maps.Keys(d.Bad)) {
		rows = append(rows, []string{"failed before:", digest + ", " + d.Bad[digest]})
	}
	return rows
}

// valueRows are the variables: first those that were set. What a secret is, is
// never shown.
func valueRows(d *install.Details) [][]string {
	var set, rest [][]string
	shown := map[string]bool{}
	for _, v := range d.Variables {
		shown[v.Name] = true
		line := v.Name + "=" + v.Value
		if v.Secret {
			line = v.Name + "=(secret)"
		}
		if kind := v.Kind(); kind != "" {
			line += "  (" + kind + ")"
		}
		switch {
		case v.Set:
			set = append(set, []string{"set:", line})
		case !v.Secret:
			rest = append(rest, []string{"default:", line})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Values)) {
		if !shown[name] {
			set = append(set, []string{"set:", name + "=" + d.Values[name]})
		}
	}
	for _, name := range d.Secrets {
		if !shown[name] {
			set = append(set, []string{"set:", name + "=(secret)"})
		}
	}
	return append(set, rest...)
}

func unitLine(d *install.Details) string {
	line := d.Unit
	if d.State != "" {
		line += ", " + d.State
		if d.Sub != "" {
			line += " (" + d.Sub + ")"
		}
	}
	if d.Enabled != "" {
		line += ", " + d.Enabled
	}
	return line
}

func isEmpty(s string) bool { return s == "" }
