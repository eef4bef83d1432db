package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/lint"
)

// linted is what lint prints; the keys are never renamed.
type linted struct {
	Image    string         `json:"image"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Advice   int            `json:"advice"`
	Findings []lint.Finding `json:"findings"`
}

func lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "check what an image brings for its installation",
		UsageText: "syscontainer lint [--strict] [--name NAME] [--set NAME=VALUE] [--json] DIR|IMAGE",
		Description: "Tells everything for which install would refuse the image, what its author most likely did not\n" +
			"mean, and what could be better. DIR is the root of an image, a folder with exports in it, or that\n" +
			"folder; IMAGE is one of the store. Fails when there are errors, and with --strict also when there\n" +
			"are warnings. Nothing is changed, and for DIR no privileges are needed.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "fail also when there are warnings"},
			&cli.StringFlag{Name: "name", Usage: "call the container `NAME`, and not as the image or the directory"},
		}, valueFlags(), []cli.Flag{jsonFlag()}),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			values, err := parseValues(c)
			if err != nil {
				return err
			}
			return withSubject(c, func(s subject) error {
				result, err := runLint(s, deployment.Request{Image: s.given, Name: c.String("name"), Values: values.texts})
				if err != nil {
					return err
				}
				out := outputOf(c)
				if err := out.print(result, func(w io.Writer) { printLinted(w, result) }); err != nil {
					return err
				}
				if result.Errors > 0 || c.Bool("strict") && result.Warnings > 0 {
					return fmt.Errorf("linting %s: %s", s.given, result.summary())
				}
				return nil
			})
		},
	}
}

func runLint(s subject, req deployment.Request) (linted, error) {
	preview, refused := s.preview(req)
	var usage *hint.UsageError
	if errors.As(refused, &usage) {
		return linted{}, usage
	}
	var config *imgspec.Image
	if s.image != nil {
		config = &s.image.Config
	}
	findings := lint.Check(lint.Subject{Files: s.files, Config: config, Preview: preview, Refused: refused})
	return linted{
		Image: s.given, Findings: findings,
		Errors: lint.Count(findings, lint.Error), Warnings: lint.Count(findings, lint.Warning), Advice: lint.Count(findings, lint.Advice),
	}, nil
}

func (l linted) summary() string {
	return fmt.Sprintf("errors: %d, warnings: %d, advice: %d", l.Errors, l.Warnings, l.Advice)
}

func printLinted(w io.Writer, l linted) {
	for _, f := range l.Findings {
		fmt.Fprintln(w, f)
		if f.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", strings.ReplaceAll(f.Hint, "\n", "\n        "))
		}
	}
	if len(l.Findings) == 0 {
		fmt.Fprintf(w, "nothing to say about %s\n", l.Image)
	}
}
