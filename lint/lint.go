// Package lint tells authors of images what is wrong with what they have in
// /exports, and what could be better. It is pure: the image's files and what
// installing them comes to go in, findings come out. What an installation would
// refuse, package deployment knows; the rules here are those that make no image
// impossible to install.
package lint

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the image cannot be installed
	Warning Severity = "warning" // it can, and most likely is not what its author meant
	Advice  Severity = "advice"  // it could be better
)

// Finding is one thing that is to be said of an image. Codes and JSON keys are
// never renamed.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`   // from the image's root; "" when it is about the whole
	Line     int      `json:"line"`   // from 1; 0 when it is about the whole file
	Column   int      `json:"column"` // from 1; 0 when it is about the whole line
	Text     string   `json:"text"`
	Hint     string   `json:"hint"`
}

// String is the finding in the form of compilers, without its hint.
func (f Finding) String() string {
	place := f.File
	if f.Line > 0 {
		place += fmt.Sprintf(":%d", f.Line)
	}
	if f.Column > 0 {
		place += fmt.Sprintf(":%d", f.Column)
	}
	if place != "" {
		place += ": "
	}
	return fmt.Sprintf("%s%s: %s [%s]", place, f.Severity, strings.ReplaceAll(f.Text, "\n", "; "), f.Code)
}

// Subject is what Check looks at.
type Subject struct {
	Files fs.FS
	// Config is the image's own configuration; nil for a directory that is yet to
	// become one.
	Config *imgspec.Image
	// Preview and Refused are what [install.Render] returned.
	Preview *deployment.Preview
	Refused error
}

// Check returns all findings, in the order of files and lines, each once.
func Check(s Subject) []Finding {
	c := checker{Subject: s, found: []Finding{}}
	c.refusals(s.Refused, trail{})
	for _, rule := range []func(){c.exportDirectory, c.manifest, c.variables, c.hostPaths, c.service, c.labels, c.warnings} {
		rule()
	}
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(c.found, func(a, b Finding) bool {
		a.Hint = b.Hint
		return a == b
	})
}

// Count returns how many findings have the severity.
func Count(findings []Finding, severity Severity) int {
	n := 0
	for _, f := range findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// checker collects findings.
type checker struct {
	Subject
	found []Finding
}

func (c *checker) add(f Finding) { c.found = append(c.found, f) }

// text is a file of the image, "" when there is none.
func (c *checker) text(name string) string {
	data, err := fs.ReadFile(c.Files, name)
	if err != nil {
		return ""
	}
	return string(data)
}

func (c *checker) exists(name string) bool {
	_, err := fs.Lstat(c.Files, name)
	return err == nil
}

// lineOf is the line at an offset of a text, from 1.
func lineOf(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }

// lineWith is the line where a text first has a word, 0 when it does not.
func lineWith(text, word string) int {
	at := strings.Index(text, word)
	if at < 0 {
		return 0
	}
	return lineOf(text, at)
}
