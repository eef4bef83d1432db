package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// removed is what images rm prints; the keys are never renamed.
type removed struct {
	Removed []string `json:"removed"` // as they were given
}

func imagesRmCommand() *cli.Command {
	return &cli.Command{
		Name:      "rm",
		Usage:     "remove images from the store",
		UsageText: "syscontainer images rm [--json] IMAGE...",
		Description: "Takes a name from an image, and removes what no other name and no container needs. The last name of\n" +
			"an image that a container uses cannot be removed. An ID or digest stands for an image's only name.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usageErrorf("images rm: IMAGE is missing; see: syscontainer images rm --help")
			}
			return withBoth(c, func(ctx context.Context, installer *install.Installer, store *imagestore.Store) error {
				return runImagesRm(ctx, installer, store, c.Args().Slice(), outputOf(c))
			})
		},
	}
}

// runImagesRm removes what it can, and tells of everything that it cannot.
func runImagesRm(ctx context.Context, installer *install.Installer, store *imagestore.Store, images []string, out output) error {
	result := removed{Removed: []string{}}
	err := installer.Exclusively(ctx, func(ctx context.Context) error {
		var errs []error
		for _, image := range images {
			err := store.Remove(ctx, image)
			var used *imagestore.InUseError
			if errors.As(err, &used) {
				err = hint.Add(err, "uninstall first: %s", strings.Join(used.Containers, ", "))
			}
			if err == nil {
				result.Removed = append(result.Removed, image)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if len(result.Removed) > 0 || err == nil {
		err = errors.Join(err, out.print(result, func(w io.Writer) {
			for _, image := range result.Removed {
				fmt.Fprintf(w, "removed %s\n", image)
			}
		}))
	}
	return err
}
