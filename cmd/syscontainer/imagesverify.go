package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

func imagesVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "compare images of the store with their checksums",
		UsageText: "syscontainer images verify [--json] [IMAGE...]",
		Description: "Reads every object of the images and their layers, and names what is missing or corrupted: content,\n" +
			"owner, mode and attributes of files, manifest, configuration and layers. Without IMAGE, of all images.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				return runImagesVerify(ctx, store, c.Args().Slice(), outputOf(c))
			})
		},
	}
}

func runImagesVerify(ctx context.Context, store *imagestore.Store, images []string, out output) error {
	reports, err := store.Verify(ctx, images...)
	if err != nil {
		return err
	}
	if reports == nil {
		reports = []imagestore.Verified{}
	}
	bad := 0
	for _, report := range reports {
		if len(report.Faults) > 0 {
			bad++
		}
	}
	if err := out.print(reports, func(w io.Writer) { printVerified(w, reports) }); err != nil || bad == 0 {
		return err
	}
	return hint.Add(fmt.Errorf("%d of %d images are damaged", bad, len(reports)),
		"remove a damaged image with: syscontainer images rm IMAGE\nand pull it again")
}

func printVerified(w io.Writer, reports []imagestore.Verified) {
	for _, report := range reports {
		if len(report.Faults) == 0 {
			fmt.Fprintf(w, "%s: ok\n", report.Reference)
			continue
		}
		fmt.Fprintf(w, "%s: damaged\n", report.Reference)
		for _, fault := range report.Faults {
			fmt.Fprintf(w, "  %s\n", fault)
		}
	}
}
