package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/config"
	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/bindmount"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// withInstaller runs do with an installer for the host of the global flags.
func withInstaller(c *cli.Context, do func(context.Context, *install.Installer) error) error {
	return withBoth(c, func(ctx context.Context, installer *install.Installer, _ *imagestore.Store) error {
		return do(ctx, installer)
	})
}

// withStore runs do with the image store of the host of the global flags, for verbs that
// are about images alone: they have no use for systemd.
func withStore(c *cli.Context, do func(context.Context, *imagestore.Store) error) error {
	h, err := openHost(c)
	if err != nil {
		return err
	}
	return advise(do(c.Context, h.store), c.String("root"))
}

// withBoth is withInstaller for verbs that are about images as well.
func withBoth(c *cli.Context, do func(context.Context, *install.Installer, *imagestore.Store) error) error {
	h, err := openHost(c)
	if err != nil {
		return err
	}
	units := connectUnits(c.Context, h.tree)
	defer units.Close()
	return advise(do(c.Context, &install.Installer{
		Tree:       h.tree,
		Paths:      deployment.Paths{State: h.settings.StateDir},
		Host:       inspectHost(h.tree, units),
		Images:     images{h.store},
		Services:   services{units},
		Containers: containersOf(units),
		Mounter:    bindmount.System{},
		Runtime:    h.settings.Runtime,
		Boot:       bootID(h.tree, units),
		Keep:       h.settings.Deployments,
		WaitLock:   c.Duration("wait-lock"),
		Log:        h.log,
		Now:        time.Now,
		NewUUID:    uuid.NewString,
	}, h.store), c.String("root"))
}

// host is what the global flags say about the host that is worked on.
type host struct {
	tree     *hosttree.Tree
	settings config.Config
	store    *imagestore.Store
	log      *slog.Logger
}

func openHost(c *cli.Context) (h host, err error) {
	args := c.Args().Slice()
	if endsWithCommand(c.Command) {
		args = args[:min(len(args), 1)]
	}
	if slices.Contains(args, "") { // a variable of a script that is not set
		return h, usageErrorf("%s: an argument is empty", strings.TrimPrefix(c.Command.HelpName, "syscontainer "))
	}
	if h.log, err = newLogger(c); err != nil {
		return h, err
	}
	adoptLibraryLog(c.Context, h.log)
	// The state directory is the superuser's alone, so that not even list works for others.
	if os.Geteuid() != 0 {
		return h, hint.Add(errors.New("must be run as root"), "use sudo")
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil { // libostree and the runtime go by it, and do not say so
		return h, hint.Add(errors.New("there is no /proc"), "in a chroot, first: mount -t proc proc /proc")
	}
	if h.tree, err = hosttree.Open(c.String("root")); err != nil {
		return h, err
	}
	if h.settings, err = readConfig(h.tree, c.String("config")); err != nil {
		return h, err
	}
	h.store, err = newStore(c, h.tree, h.settings, h.log)
	return h, err
}

// withContainer is withInstaller for a command whose only argument is the name of a
// container.
func withContainer(c *cli.Context, do func(ctx context.Context, installer *install.Installer, name string) error) error {
	name, err := oneArgument(c, "NAME")
	if err != nil {
		return err
	}
	return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
		return do(ctx, installer, name)
	})
}

func newLogger(c *cli.Context) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return nil, usageErrorf("--log-level: %q is none of debug, info, warn and error", c.String("log-level"))
	}
	return slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey { // the journal has the time
				return slog.Attr{}
			}
			return a
		},
	})), nil
}

// readConfig reads the host's settings. Only a file that somebody asked for has
// to exist.
func readConfig(tree *hosttree.Tree, file string) (config.Config, error) {
	asked := file != ""
	if !asked {
		file = config.Path
	}
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return config.Default(), nil
	}
	if err != nil {
		return config.Config{}, fmt.Errorf("reading settings: %w", err)
	}
	settings, err := config.Parse(data)
	if err != nil {
		return config.Config{}, fmt.Errorf("reading settings: %s: %w", file, err)
	}
	return settings, nil
}

func newStore(c *cli.Context, tree *hosttree.Tree, settings config.Config, log *slog.Logger) (*imagestore.Store, error) {
	repo, err := tree.Follow(settings.Repo)
	if err != nil {
		return nil, err
	}
	options := imagestore.Options{Repo: repo, Log: log, TempDir: filepath.Dir(repo), KeepBlobs: settings.KeepBlobs}
	options.StallTimeout = time.Duration(settings.StallTimeout) * time.Second
	if options.PolicyPath, err = givenFile(c, "policy"); err != nil {
		return nil, err
	}
	if options.AuthFile, err = givenFile(c, "authfile"); err != nil {
		return nil, err
	}
	if !tree.IsHost() {
		options.Root = tree.Root()
	}
	if isTerminal(c.App.ErrWriter) {
		options.Progress = c.App.ErrWriter
	}
	return imagestore.New(options), nil
}

// givenFile is the file that a flag names, which must be there: the library takes
// a missing file for an empty one. A verb without the flag has none.
func givenFile(c *cli.Context, flag string) (string, error) {
	file := c.String(flag)
	if file == "" {
		return "", nil
	}
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", file)
	}
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	return file, nil
}
