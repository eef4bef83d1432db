package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

func imagesCommand() *cli.Command {
	return &cli.Command{
		Name:         "images",
		Usage:        "list, name, verify and remove the images of the store",
		UsageText:    "syscontainer images list|rm|prune|tag|verify",
		Description:  "The images of the store.",
		Subcommands:  []*cli.Command{imagesListCommand(), imagesRmCommand(), imagesPruneCommand(), imagesTagCommand(), imagesVerifyCommand()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageErrorf("images: there is no command %q; see: syscontainer images --help", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// listedImage is what images list prints of an image; the keys are never renamed.
type listedImage struct {
	Names      []string   `json:"names"`
	ID         string     `json:"id"`
	Digest     string     `json:"digest"`
	Commit     string     `json:"commit"`
	PulledAs   string     `json:"pulled_as"`
	Created    *time.Time `json:"created,omitempty"`
	Size       uint64     `json:"size"`
	Unique     uint64     `json:"unique_size"`
	Containers []string   `json:"containers"`
	Broken     string     `json:"broken,omitempty"` // why it cannot be read
}

func imagesListCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the images of the store",
		UsageText: "syscontainer images list [--json]",
		Description: "One line for each name of an image, and one for an image that has lost its name to another. SIZE is\n" +
			"what its files take, UNIQUE how much of that no other image shares. An image that cannot be read is\n" +
			"shown as broken.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				return runImagesList(ctx, store, outputOf(c))
			})
		},
	}
}

// runImagesList shows also what cannot be read.
func runImagesList(ctx context.Context, store *imagestore.Store, out output) error {
	images, err := store.Inventory(ctx)
	if err != nil {
		return err
	}
	list := []listedImage{}
	for _, i := range images {
		listed := listedImage{
			Names: i.Names, ID: i.ID, Digest: i.Digest, Commit: i.Commit, PulledAs: i.PulledAs,
			Size: i.Size, Unique: i.Unique, Containers: i.Containers,
		}
		if !i.Created.IsZero() {
			listed.Created = &i.Created
		}
		if listed.Names == nil {
			listed.Names = []string{}
		}
		if listed.Containers == nil {
			listed.Containers = []string{}
		}
		if i.Broken != nil {
			listed.Broken = i.Broken.Error()
			out.warn(fmt.Sprintf("%s cannot be read: %v", brokenName(i), i.Broken))
		}
		list = append(list, listed)
	}
	return out.print(list, func(w io.Writer) { table(w, imageRows(list)) })
}

// brokenName is how an image is called that cannot be read.
func brokenName(i imagestore.Stored) string {
	return cmp.Or(strings.Join(i.Names, ", "), i.PulledAs, i.Commit)
}

func imageRows(list []listedImage) [][]string {
	const shortID = len("sha256:") + 12
	rows := [][]string{{"IMAGE", "ID", "CREATED", "SIZE", "UNIQUE", "CONTAINERS"}}
	for _, i := range list {
		created, containers := "-", "-"
		if i.Created != nil {
			created = i.Created.Format(time.DateOnly)
		}
		if len(i.Containers) > 0 {
			containers = strings.Join(i.Containers, ",")
		}
		names := i.Names
		if len(names) == 0 {
			names = []string{"<none>"}
		}
		for _, name := range names {
			if i.Broken != "" {
				rows = append(rows, []string{name, "<broken>", "-", "-", "-", containers})
				continue
			}
			id := strings.TrimPrefix(i.ID[:min(len(i.ID), shortID)], "sha256:")
			rows = append(rows, []string{name, id, created, humanSize(i.Size), humanSize(i.Unique), containers})
		}
	}
	return rows
}
