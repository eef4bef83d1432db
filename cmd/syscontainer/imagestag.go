package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// tagged is what images tag prints; the keys are never renamed.
type tagged struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

func imagesTagCommand() *cli.Command {
	return &cli.Command{
		Name:      "tag",
		Usage:     "give an image of the store one more name",
		UsageText: "syscontainer images tag [--json] IMAGE NAME[:TAG]",
		Description: "Whatever is then asked for by that name, to be installed or pulled, is this image, and no registry is\n" +
			"asked. A name that another image has moves.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usageErrorf("images tag: IMAGE and NAME are wanted; see: syscontainer images tag --help")
			}
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				return runImagesTag(ctx, store, c.Args().Get(0), c.Args().Get(1), outputOf(c))
			})
		},
	}
}

func runImagesTag(ctx context.Context, store *imagestore.Store, reference, name string, out output) error {
	image, err := store.Tag(ctx, reference, name)
	if err != nil {
		return err
	}
	return out.print(tagged{Reference: image.Reference, Digest: image.Digest}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is now also %s\n", reference, image.Reference)
	})
}
