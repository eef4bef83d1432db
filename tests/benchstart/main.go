// Command benchstart measures how long it takes until a service of systemd is ready that runs in a container, what that
// costs, and what stays in memory beside it: for syscontainer, for podman's Quadlet, for systemd-nspawn, and as floors
// for a runtime alone and for a unit without a container. All run the same program, on a throw-away machine:
//
//	benchstart SUITE           measures, and prints medians, ratios and which targets are met
//	benchstart bundle RUNTIME  is what it runs inside the machine, and so are
//	benchstart starts ROUNDS
//	benchstart lists ROUNDS
//
// BENCH_ROUNDS says how often everything is measured, 20 times by default; BENCH_MANY how many containers there are
// where there are many, 200 by default. See docs/benchmark.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 1:
		return outside(ctx, args[0], out)
	case len(args) == 2 && args[0] == "bundle":
		return makeBundle(args[1])
	case len(args) == 2 && (args[0] == "starts" || args[0] == "lists"):
		rounds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		if args[0] == "lists" {
			return printLists(ctx, rounds, out)
		}
		return printStarts(ctx, rounds, out)
	}
	return errors.New("usage: benchstart SUITE")
}

func outside(ctx context.Context, suite string, out io.Writer) error {
	rounds, err := sampling.Rounds("BENCH_ROUNDS", os.Getenv("BENCH_ROUNDS"), 20)
	if err != nil {
		return err
	}
	many, err := sampling.Rounds("BENCH_MANY", os.Getenv("BENCH_MANY"), 200)
	if err != nil {
		return err
	}
	b, err := open(ctx, suite, many)
	if err != nil {
		return err
	}
	r, err := b.measure(ctx, rounds)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	return r.print(out)
}
