// Command report reads what `go test -json` writes and prints a line for each package, everything that failed tests
// said, and a closing line: "N passed, N failed". A skipped test counts as failed: nothing here may pass by not
// running. The exit status is 1 when something failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if !report(os.Stdin, os.Stdout) {
		os.Exit(1)
	}
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build that said or failed something
	Test       string
	Elapsed    float64
	Output     string
}

// unit is a test, or a package when the test's name is empty.
type unit struct{ pkg, test string }

type reporter struct {
	out    io.Writer
	said   map[unit][]string
	passed map[string]int // package -> tests
	failed map[string]int
}

// report says whether everything passed.
func report(events io.Reader, out io.Writer) bool {
	r := reporter{out: out, said: map[unit][]string{}, passed: map[string]int{}, failed: map[string]int{}}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // go itself has something to say
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "reading the tests' output:", err)
		r.failed[""]++
	}
	passed, failed := sum(r.passed), sum(r.failed)
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return failed == 0 && passed > 0
}

func (r *reporter) take(e event) {
	at := unit{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.said[at] = append(r.said[at], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(at, e.Action)
		}
	}
}

func (r *reporter) endTest(at unit, action string) {
	if action == "pass" {
		r.passed[at.pkg]++
		delete(r.said, at)
		return
	}
	r.failed[at.pkg]++
	r.show(at)
}

func (r *reporter) endPackage(e event) {
	at := unit{pkg: e.Package}
	passed, failed := r.passed[e.Package], r.failed[e.Package]
	if e.Action == "fail" && failed == 0 { // it did not build, or ended between tests, or in one that never came to an end
		failed = 1
		r.failed[e.Package] = failed
		r.showUnfinished(e.Package)
		r.show(at)
	}
	verdict := "ok"
	if failed > 0 {
		verdict = "FAILED"
	}
	if passed+failed > 0 {
		fmt.Fprintf(r.out, "%-6s %s: %d passed, %d failed, %.1f s\n", verdict, e.Package, passed, failed, e.Elapsed)
	}
}

// showUnfinished shows what the tests said that have not ended, when the package has.
func (r *reporter) showUnfinished(pkg string) {
	var open []unit
	for at := range r.said {
		if at.pkg == pkg && at.test != "" {
			open = append(open, at)
		}
	}
	slices.SortFunc(open, func(a, b unit) int { return strings.Compare(a.test, b.test) })
	for _, at := range open {
		r.show(at)
	}
}

func (r *reporter) show(at unit) {
	for _, line := range r.said[at] {
		fmt.Fprint(r.out, line)
	}
	delete(r.said, at)
}

func sum(counts map[string]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}
