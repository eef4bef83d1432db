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
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/config"
	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/bindmount"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/install/ociruntime"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
	"github.com/syscontainer/syscontainer/unitgen/sysd"
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
	units, err := connectUnits(c.Context, h.tree)
	if err != nil {
		return err
	}
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

// units is what both a running systemd and one that does not run can do.
type units interface {
	Reload(ctx context.Context) error
	Enable(ctx context.Context, units []string) error
	Disable(ctx context.Context, units []string) error
	Start(ctx context.Context, unit string) error
	Restart(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	Tmpfiles(ctx context.Context, file string) error
	Status(ctx context.Context, unit string) (sysd.Status, error)
	States(ctx context.Context, units []string) (map[string]sysd.State, error)
	Journal(ctx context.Context, unit string, lines int) []string
	Close()
}

// connectUnits returns the systemd of the tree: the running one only for the
// tree that it runs.
func connectUnits(ctx context.Context, tree *hosttree.Tree) (units, error) {
	if !tree.IsHost() {
		return sysd.NewOffline(tree.Root(), sysd.Exec), nil
	}
	manager, err := sysd.Connect(ctx)
	if errors.Is(err, sysd.ErrNotRunning) {
		return sysd.NewOffline("", sysd.Exec), nil
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to systemd: %w", err)
	}
	return manager, nil
}

// services shows a systemd to package install.
type services struct{ units }

func (s services) Status(ctx context.Context, unit string) (install.Status, error) {
	status, err := s.units.Status(ctx, unit)
	if errors.Is(err, sysd.ErrNotRunning) {
		return install.Status{}, nil
	}
	if err != nil {
		return install.Status{}, err
	}
	return install.Status{
		Active: status.Active, Sub: status.Sub, Result: status.Result, MainPID: status.MainPID,
		FileState: status.FileState, StatusText: status.StatusText, Since: status.Since,
		Type: status.Type, Restarts: status.Restarts, StartTimeout: status.StartTimeout,
	}, nil
}

func (s services) States(ctx context.Context, names []string) (map[string]install.Status, error) {
	states, err := s.units.States(ctx, names)
	if errors.Is(err, sysd.ErrNotRunning) {
		return nil, nil
	}
	statuses := make(map[string]install.Status, len(states))
	for name, state := range states {
		statuses[name] = install.Status{Active: state.Active, FileState: state.File}
	}
	return statuses, err
}

func (s services) Start(ctx context.Context, unit string) error {
	err := s.units.Start(ctx, unit)
	if errors.Is(err, sysd.ErrNotRunning) {
		return hint.Add(err, "when the host runs: systemctl start %s", unit)
	}
	return err
}

// containersOf returns the containers of the host that a systemd manages.
func containersOf(units units) install.Containers {
	if manager, runs := units.(*sysd.Manager); runs {
		return containers{manager: manager}
	}
	return noContainers{}
}

// containers shows the host's runtimes to package install.
type containers struct {
	ociruntime.System
	manager *sysd.Manager
}

func (c containers) State(ctx context.Context, runtime, container string) (install.ContainerState, error) {
	state, err := c.System.State(ctx, runtime, container)
	var refused *ociruntime.Error
	if errors.As(err, &refused) {
		err = fmt.Errorf("%w: %w", install.ErrNotRunning, err)
	}
	return install.ContainerState{Running: state.Status == "running", Bundle: state.Bundle}, err
}

// Run moves this program into the unit: what it starts is in there as well.
func (c containers) Run(ctx context.Context, runtime, container, bundle, unit string) (int, error) {
	if err := c.manager.Scope(ctx, unit, "the container "+container+", which runs once", os.Getpid()); err != nil {
		return 0, err
	}
	return c.System.Run(ctx, runtime, container, bundle)
}

// noContainers are those of a host that does not run.
type noContainers struct{}

func (noContainers) State(context.Context, string, string) (install.ContainerState, error) {
	return install.ContainerState{}, fmt.Errorf("looking for the container: %w", sysd.ErrNotRunning)
}

func (noContainers) Probe(context.Context, string, string, []byte) error { return sysd.ErrNotRunning }

func (noContainers) Enter(string, string, []byte) error { return sysd.ErrNotRunning }

func (noContainers) Run(context.Context, string, string, string, string) (int, error) {
	return 0, sysd.ErrNotRunning
}

// Delete does nothing: what was running when a host went down is gone.
func (noContainers) Delete(context.Context, string, string) error { return nil }

// images shows the image store to package install.
type images struct{ *imagestore.Store }

func (i images) Pull(ctx context.Context, reference string) (deployment.Image, error) {
	image, err := i.Store.Pull(ctx, reference)
	return shownImage(image), err
}

func (i images) Look(ctx context.Context, reference string) (digest.Digest, error) {
	found, err := i.InspectRemote(ctx, reference)
	if err != nil {
		return "", err
	}
	return digest.Digest(found.Digest), nil
}

func (i images) Find(ctx context.Context, reference string) (deployment.Image, error) {
	image, err := i.Store.Find(ctx, reference)
	return shownImage(image), err
}

func (i images) Files(ctx context.Context, commit string) (install.ImageFiles, error) {
	files, err := i.Store.Files(ctx, commit)
	if err != nil {
		return nil, err
	}
	return files, nil
}

func (i images) Undo(ctx context.Context, image deployment.Image) error {
	return i.Store.Undo(ctx, imagestore.Image{
		Reference: image.Reference, Commit: image.Commit, Added: image.Added, PreviousCommit: image.PreviousCommit,
	})
}

// VerifyCheckouts tells in one list what is wrong with the trees and with the repo.
func (i images) VerifyCheckouts(ctx context.Context, trees []install.CheckedOut) ([]install.Checked, error) {
	var asked []imagestore.CheckedOut
	for _, tree := range trees {
		asked = append(asked, imagestore.CheckedOut(tree))
	}
	found, err := i.Store.VerifyCheckouts(ctx, asked)
	var list []install.Checked
	for _, c := range found {
		list = append(list, shownCheck(c))
	}
	return list, err
}

func shownCheck(c imagestore.Checked) install.Checked {
	shown := install.Checked{Digest: c.Digest, Err: c.Err}
	for _, d := range c.Differences {
		shown.Differences = append(shown.Differences, drift.Difference{
			Place: drift.Rootfs, Path: d.Path, Aspect: drift.Aspect(d.Aspect), Want: d.Want, Have: d.Have, Object: d.Object,
		})
	}
	for _, f := range c.Faults {
		d := drift.Difference{Place: drift.Repo, Path: f.Path, Aspect: drift.Object, Have: f.Err.Error(), Object: f.Object}
		if f.Missing() {
			d.Aspect, d.Have = drift.Missing, ""
		}
		shown.Differences = append(shown.Differences, d)
	}
	return shown
}

func (i images) Refetch(ctx context.Context, image deployment.ImageRef, objects []string) ([]string, error) {
	return i.Store.Refetch(ctx, image.Reference, image.Digest, objects)
}

func shownImage(image imagestore.Image) deployment.Image {
	return deployment.Image{
		Reference: image.Reference, Digest: digest.Digest(image.Digest), Commit: image.Commit,
		Config: image.Config, Health: (*deployment.ImageHealth)(image.Health),
		Added: image.Added, PreviousCommit: image.PreviousCommit, Fetched: image.Fetched,
	}
}
