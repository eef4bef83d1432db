package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show all that is known of a container",
		ArgsUsage: "NAME",
		UsageText: "syscontainer show [--json] NAME",
		Description: "The image and its digest, the deployment, what systemd says of the unit, the values that were\n" +
			"set and those that were not, but for secrets, and each file on the host, with a note where\n" +
			"it is changed or missing.",
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
	if err != nil {
		return err
	}
	return out.print(details, func(w io.Writer) { table(w, showRows(details)) })
}

func showRows(d *install.Details) [][]string {
	var numbers []string
	for _, n := range d.Deployments {
		numbers = append(numbers, strconv.Itoa(n))
	}
	rows := [][]string{
		{"name:", d.Name},
		{"image:", d.Image},
		{"digest:", d.Digest},
		{"commit:", d.Commit},
		{"deployment:", fmt.Sprintf("%d of %s", d.Deployment, strings.Join(numbers, ", "))},
		{"created:", d.Created.Format(time.RFC3339)},
	}
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
	if h := d.HealthCheck; h != nil {
		rows = append(rows, []string{"health check:", fmt.Sprintf("%q, every %s for %s at most", h.Exec, h.Interval, h.Timeout)})
	}
	rows = append(rows, valueRows(d)...)
	for _, f := range d.Files {
		line := f.Path
		if f.State != "ok" {
			line += " (" + f.State + ")"
		}
		rows = append(rows, []string{"file:", line})
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
