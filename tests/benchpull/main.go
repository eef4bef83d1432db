// Command benchpull measures how long syscontainer needs to pull images, and how long others need for the same images
// from the same registry onto the same disk, on a throw-away machine:
//
//	benchpull SUITE          measures, and prints medians, ratios and which targets are met
//	benchpull checkout NAME  is what it runs inside the machine: prints the seconds that a checkout takes
//
// BENCH_ROUNDS says how often everything is measured, 5 times by default; BENCH_IMAGES which images are pulled, all by
// default. See docs/benchmark.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/sampling"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchpull:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "checkout":
		return checkout(ctx, args[1], os.Stdout)
	case len(args) == 1:
		rounds, err := sampling.Rounds("BENCH_ROUNDS", os.Getenv("BENCH_ROUNDS"), 5)
		if err != nil {
			return err
		}
		chosen, err := choose(images(), os.Getenv("BENCH_IMAGES"))
		if err != nil {
			return err
		}
		return measureAll(ctx, host.Suite(args[0]), rounds, chosen)
	}
	return errors.New("usage: benchpull SUITE")
}

// more is what the machine has besides; machines for tests stay small.
func more() []string {
	return []string{"podman", "skopeo", "umoci", "time"}
}

func measureAll(ctx context.Context, suite host.Suite, rounds int, chosen []image) (err error) {
	lab, err := host.Open(ctx, ".cache", suite, more()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	dir, err := lab.TempDir()
	if err != nil {
		return err
	}
	disk, err := makeDisk(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeDisk(dir)) }()
	all, err := makeAll(ctx, lab, suite)
	if err != nil {
		return err
	}
	b, closeBench, err := boot(ctx, lab, disk, all)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBench()) }()
	b.rounds = rounds
	return b.report(ctx, chosen, all, os.Stdout)
}

// makeAll makes all images, once for all runs.
func makeAll(ctx context.Context, lab *host.Lab, suite host.Suite) (map[string]made, error) {
	debs, err := download(ctx, lab, suite)
	if err != nil {
		return nil, err
	}
	all := make(map[string]made)
	for _, img := range images() {
		if all[img.name], err = img.make(ctx, lab, debs); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// boot starts the machine with the product, a registry that has the images, and the disk.
func boot(ctx context.Context, lab *host.Lab, disk string, all map[string]made) (b *bench, closeBench func() error, err error) {
	product, err := lab.Install(ctx, ".")
	if err != nil {
		return nil, nil, err
	}
	served := make(map[string]host.Image)
	for name, m := range all {
		served[name+":"+tag] = m.Image
	}
	registry, err := lab.Registry(ctx, served)
	if err != nil {
		return nil, nil, err
	}
	mounts, err := mounts(disk, all)
	if err != nil {
		return nil, nil, err
	}
	root, err := os.Open(disk)
	if err != nil {
		return nil, nil, err
	}
	h, err := lab.Boot(ctx, host.Options{Layers: []string{product, registry}, Mounts: mounts})
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return &bench{Host: h, disk: root, log: os.Stderr}, func() error { return errors.Join(h.Close(), root.Close()) }, nil
}

// mounts are what the machine sees of this one.
func mounts(disk string, all map[string]made) (map[string]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	mounts := map[string]string{"/benchpull": self}
	for _, place := range disks() {
		dir := filepath.Join(disk, filepath.Base(place))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		mounts[place] = dir
	}
	for _, m := range all {
		mounts[filepath.Join(layouts, filepath.Base(m.Layout))] = m.Layout
	}
	return mounts, nil
}
