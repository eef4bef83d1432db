package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
)

// unmounted is what unmount prints; the keys are never renamed.
type unmounted struct {
	Unmounted []install.Mount `json:"unmounted"`
}

func unmountCommand() *cli.Command {
	return &cli.Command{
		Name:         "unmount",
		Usage:        "end what mount began",
		UsageText:    "syscontainer unmount [--json] NAME|IMAGE|DIR",
		Description:  "Ends the mount at DIR, or every mount of the container or the image.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			what, err := oneArgument(c, "NAME, IMAGE or DIR")
			if err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				return runUnmount(ctx, installer, what, outputOf(c))
			})
		},
	}
}

func runUnmount(ctx context.Context, installer *install.Installer, what string, out output) error {
	done, err := installer.Unmount(ctx, what)
	if errors.Is(err, install.ErrNotMounted) {
		// As mount takes it, a directory may also be given by a path that is not the kernel's.
		if dir, dirErr := mountDir(what); dirErr == nil && dir != what {
			done, err = installer.Unmount(ctx, dir)
		}
	}
	if len(done) == 0 {
		return err
	}
	return errors.Join(err, out.print(unmounted{Unmounted: done}, func(w io.Writer) {
		for _, m := range done {
			fmt.Fprintf(w, "unmounted %s\n", m.Path)
		}
	}))
}
