package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// pulled is what pull prints; the keys are never renamed.
type pulled struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	Commit    string `json:"commit"`
	Changed   bool   `json:"changed"` // it was not here, or another image had its name
}

// policyFlags are those of verbs that pull.
func policyFlags() []cli.Flag {
	return append(registryFlags(),
		&cli.StringFlag{Name: "policy", Usage: "trust images as `FILE` says, and not /etc/containers/policy.json", TakesFile: true})
}

// registryFlags are those of verbs that ask registries.
func registryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "authfile", Usage: "take the credentials for registries from `FILE`", EnvVars: []string{"REGISTRY_AUTH_FILE"}, TakesFile: true},
	}
}

func pullCommand() *cli.Command {
	return &cli.Command{
		Name:      "pull",
		Usage:     "bring an image into the store, without installing it",
		UsageText: "syscontainer pull [--policy FILE] [--authfile FILE] [--json] IMAGE",
		Description: "IMAGE is a name that registries.conf knows, or a reference with a transport. What the store has\n" +
			"of it is not fetched again. An image that the policy rejects, or that is broken, leaves nothing\n" +
			"in the store.",
		Flags:        append(policyFlags(), jsonFlag()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			image, err := oneArgument(c, "IMAGE")
			if err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				return runPull(ctx, store, image, outputOf(c))
			})
		},
	}
}

func runPull(ctx context.Context, store *imagestore.Store, reference string, out output) error {
	image, err := store.Pull(ctx, reference)
	if err != nil {
		return err
	}
	result := pulled{
		Reference: image.Reference, Digest: image.Digest, Commit: image.Commit, Changed: image.Previous != image.Digest,
	}
	return out.print(result, func(w io.Writer) {
		if result.Changed {
			fmt.Fprintf(w, "pulled %s\n", image.Reference)
		} else {
			fmt.Fprintf(w, "%s is here already; nothing was changed\n", image.Reference)
		}
		fmt.Fprintln(w, image.Digest)
	})
}
