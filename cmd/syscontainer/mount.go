package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

func mountCommand() *cli.Command {
	return &cli.Command{
		Name:      "mount",
		Usage:     "show the files of a container or an image, read-only",
		UsageText: "syscontainer mount [--json] [NAME|IMAGE [DIR]]",
		Description: "Mounts the root of a container, or of an image in the store, at DIR or at a directory of its own, and\n" +
			"prints where. Without arguments, lists what is mounted. Mounts do not survive a reboot, and nothing\n" +
			"is left of them then.",
		Flags:        []cli.Flag{jsonFlag()},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.NArg() > 2 {
				return usageErrorf("mount: NAME or IMAGE and a DIR are wanted, and there are %d arguments", c.NArg())
			}
			dir, err := mountDir(c.Args().Get(1))
			if err != nil {
				return err
			}
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				if !c.Args().Present() {
					return runMounts(ctx, installer, outputOf(c))
				}
				return runMount(ctx, installer, c.Args().First(), dir, outputOf(c))
			})
		},
	}
}

// mountDir is the directory as the kernel will list it.
func mountDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	absolute, err := filepath.Abs(dir)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return "", fmt.Errorf("mounting: %w", err)
	}
	info, err := os.Stat(absolute)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", dir)
	}
	if err != nil {
		return "", fmt.Errorf("mounting: %w", err)
	}
	return absolute, nil
}

func runMount(ctx context.Context, installer *install.Installer, what, dir string, out output) error {
	mount, err := installer.Mount(ctx, what, dir)
	if errors.Is(err, imagestore.ErrNotFound) {
		return hint.Add(err, "see what there is, with: syscontainer list, and: syscontainer images list")
	}
	if err != nil {
		return err
	}
	return out.print(mount, func(w io.Writer) { fmt.Fprintln(w, mount.Path) })
}

func runMounts(ctx context.Context, installer *install.Installer, out output) error {
	mounts, err := installer.Mounts(ctx)
	if err != nil {
		return err
	}
	if mounts == nil {
		mounts = []install.Mount{}
	}
	return out.print(mounts, func(w io.Writer) {
		rows := [][]string{{"PATH", "CONTAINER", "IMAGE"}}
		for _, m := range mounts {
			rows = append(rows, []string{m.Path, cmp.Or(m.Container, "-"), m.Image.Reference})
		}
		table(w, rows)
	})
}
