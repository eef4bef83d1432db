package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/deployment"
)

func renderCommand() *cli.Command {
	return &cli.Command{
		Name:      "render",
		Usage:     "show what the templates of an image render to",
		UsageText: "syscontainer render [--name NAME] [--set NAME=VALUE] [--json] DIR|IMAGE",
		Description: "Shows the files that install would write, the entries of the host and the variables with where\n" +
			"their values come from, for a host on which nothing is installed. What a user would have to set\n" +
			"has sample values. DIR is the root of an image, a folder with exports in it, or that folder; IMAGE\n" +
			"is one of the store. Nothing is changed, and for DIR no privileges are needed.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "call the container `NAME`, and not as the image or the directory"},
		}, valueFlags(), []cli.Flag{jsonFlag()}),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			values, err := parseValues(c)
			if err != nil {
				return err
			}
			return withSubject(c, func(s subject) error {
				return runRender(s, deployment.Request{Image: s.given, Name: c.String("name"), Values: values.texts, Exposed: values.exposed}, outputOf(c))
			})
		},
	}
}

func runRender(s subject, req deployment.Request, out output) error {
	preview, err := s.preview(req)
	if err != nil {
		return fmt.Errorf("rendering %s: %w", s.given, err)
	}
	for _, warning := range preview.Warnings {
		out.warn(warning)
	}
	return out.print(preview, func(w io.Writer) { printPreview(w, preview) })
}

func printPreview(w io.Writer, p *deployment.Preview) {
	for _, f := range p.Files {
		fmt.Fprintf(w, "==> %s (%04o) <==\n%s\n\n", f.Path, uint32(f.Mode), strings.TrimRight(f.Content, "\n"))
	}
	rows := [][]string{}
	for _, f := range p.HostFiles {
		row := []string{string(f.Kind), fmt.Sprintf("%04o", uint32(f.Mode)), f.Path}
		if f.Kind == deployment.Symlink {
			row[1], row[2] = "", f.Path+" -> "+f.Target
		}
		rows = append(rows, row)
	}
	fmt.Fprintf(w, "==> on the host <==\n")
	table(w, rows)
	fmt.Fprintf(w, "\n==> variables <==\n")
	rows = [][]string{{"NAME", "FROM", "VALUE"}}
	for _, v := range p.Variables {
		value := v.Value
		if v.Secret {
			value = "(secret)"
		}
		rows = append(rows, []string{v.Name, string(v.From), value})
	}
	table(w, rows)
}
