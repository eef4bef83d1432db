package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// pushed is what push prints; the keys are never renamed.
type pushed struct {
	Reference    string   `json:"reference"`
	Destination  string   `json:"destination"`
	Digest       string   `json:"digest"`
	ID           string   `json:"id"`
	Same         bool     `json:"same"`         // the manifest is the one of the store
	Converted    bool     `json:"converted"`    // to another kind of manifest
	Recompressed []string `json:"recompressed"` // blobs that have another digest now
}

func pushCommand() *cli.Command {
	return &cli.Command{
		Name:      "push",
		Usage:     "write an image of the store to a registry, a layout or an archive",
		UsageText: "syscontainer push [--authfile FILE] [--json] IMAGE DESTINATION",
		Description: "IMAGE is a name, an ID or a digest, or the beginning of one of these two. DESTINATION has a transport:\n" +
			"docker://REGISTRY/NAME:TAG, oci:DIR:TAG, oci-archive:FILE:TAG, docker-archive:FILE:NAME:TAG, dir:DIR.\n" +
			"The layers and the ID stay what they are. The digest stays when each layer can be compressed again\n" +
			"as it was, or is there already; push says when it does not. The trust policy is about pulls alone.",
		Flags:        append(registryFlags(), jsonFlag()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usageErrorf("push: IMAGE and DESTINATION are wanted; see: syscontainer push --help")
			}
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				return runPush(ctx, store, c.Args().Get(0), c.Args().Get(1), outputOf(c))
			})
		},
	}
}

func runPush(ctx context.Context, store *imagestore.Store, image, destination string, out output) error {
	done, err := store.Push(ctx, image, destination)
	if err != nil {
		return pushHint(err, image, destination)
	}
	result := pushed{
		Reference: done.Reference, Destination: done.Destination, Digest: done.Digest, ID: done.ID,
		Same: done.Same, Converted: done.Converted, Recompressed: append([]string{}, done.Recompressed...),
	}
	return out.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "pushed %s to %s\n%s\n", result.Reference, result.Destination, result.Digest)
		for _, note := range pushNotes(done) {
			fmt.Fprintf(w, "note: %s\n", note)
		}
	})
}

// pushNotes say why the digest is not that of the store.
func pushNotes(p imagestore.Pushed) (notes []string) {
	for _, blob := range p.Recompressed {
		notes = append(notes, fmt.Sprintf("%s was compressed by a program that is not known here, and was compressed anew", blob))
	}
	switch {
	case p.Converted:
		notes = append(notes, "the destination has a manifest of another kind; layers and ID are the same, the digest is not")
	case !p.Same:
		notes = append(notes, "layers and ID are the same, the digest is not")
	}
	return notes
}

// pushHint adds what may help.
func pushHint(err error, image, destination string) error {
	switch {
	case errors.Is(err, imagestore.ErrNoTransport) && imagestore.IsPath(destination):
		return &hint.UsageError{Err: hint.Add(err, "for an archive: syscontainer push %[1]s oci-archive:%[2]s\nfor a directory: syscontainer push %[1]s oci:%[2]s", image, destination)}
	case errors.Is(err, imagestore.ErrNoTransport):
		return &hint.UsageError{Err: hint.Add(err, "for a registry: syscontainer push %s docker://%s", image, destination)}
	case errors.Is(err, imagestore.ErrNoPath):
		return &hint.UsageError{Err: err}
	case errors.Is(err, imagestore.ErrNoRecord):
		return hint.Add(err, "an older version stored it; pull it again from where it came")
	case errors.Is(err, imagestore.ErrBadImage):
		return hint.Add(err, "see what is damaged, with: syscontainer images verify %s", image)
	}
	return err
}
