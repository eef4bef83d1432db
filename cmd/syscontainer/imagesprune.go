package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// prunedStore is what images prune prints; the keys are never renamed.
type prunedStore struct {
	Images  []string `json:"images"`
	Objects int      `json:"objects"`
	Bytes   uint64   `json:"bytes"`
	// Unreadable images stay, and what they might need.
	Unreadable []string `json:"unreadable"`
}

func imagesPruneCommand() *cli.Command {
	return &cli.Command{
		Name:      "prune",
		Usage:     "remove from the store what nothing refers to",
		UsageText: "syscontainer images prune [--all] [--json]",
		Description: "Removes images that have lost their name and that no container uses, layers that no image needs, and\n" +
			"what interrupted pulls left. What a container uses, in any of its deployments, always stays.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "also remove images that have a name and that no container uses"},
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			options := imagestore.PruneOptions{Unused: c.Bool("all")}
			return withBoth(c, func(ctx context.Context, installer *install.Installer, store *imagestore.Store) error {
				return runImagesPrune(ctx, installer, store, options, outputOf(c))
			})
		},
	}
}

func runImagesPrune(ctx context.Context, installer *install.Installer, store *imagestore.Store, options imagestore.PruneOptions, out output) error {
	var result prunedStore
	err := installer.Exclusively(ctx, func(ctx context.Context) error {
		pruned, err := store.Prune(ctx, options)
		result = prunedStore{Images: pruned.Images, Objects: pruned.Objects, Bytes: pruned.Bytes, Unreadable: pruned.Unreadable}
		return err
	})
	if err != nil {
		return err
	}
	if result.Images == nil {
		result.Images = []string{}
	}
	if result.Unreadable == nil {
		result.Unreadable = []string{}
	}
	for _, image := range result.Unreadable {
		out.warn(image + " cannot be read; it stays, and what it might need; to free that: syscontainer images rm IMAGE")
	}
	return out.print(result, func(w io.Writer) {
		for _, image := range result.Images {
			fmt.Fprintf(w, "removed %s\n", image)
		}
		fmt.Fprintf(w, "freed %s (%d objects)\n", humanSize(result.Bytes), result.Objects)
	})
}
