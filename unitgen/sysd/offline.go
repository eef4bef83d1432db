package sysd

import (
	"context"
	"fmt"
	"strings"
)

// Offline enables and disables units in a tree that is not running. It never
// talks to a running systemd and touches nothing outside the tree.
type Offline struct {
	root string
	run  Runner
}

// NewOffline returns the Offline for the tree at root; "" and "/" mean a
// chroot's own root. Commands go through run, which is Exec outside of tests.
func NewOffline(root string, run Runner) *Offline {
	if root == "" {
		root = "/"
	}
	return &Offline{root: root, run: run}
}

// Ready returns nil: nobody is asked.
func (o *Offline) Ready() error { return nil }

// Close does nothing.
func (o *Offline) Close() {}

// Enable makes the links that the units' [Install] sections ask for. A unit
// without that section is fine. Idempotent.
func (o *Offline) Enable(ctx context.Context, units []string) error {
	if err := checkInside(o.root); err != nil {
		return fmt.Errorf("enabling %s: %w", strings.Join(units, ", "), err)
	}
	return o.systemctl(ctx, "enable", units)
}

// Disable removes the units' links, also when their files are gone, and those
// of aliases. Where a tree is such that Enable refuses it, only those within the
// tree go. Idempotent.
func (o *Offline) Disable(ctx context.Context, units []string) error {
	found, err := existing(o.root, units)
	if err != nil {
		return err
	}
	if checkInside(o.root) == nil {
		if err := o.systemctl(ctx, "disable", found); err != nil {
			return err
		}
	}
	return removeLinks(o.root, units)
}

func (o *Offline) systemctl(ctx context.Context, verb string, units []string) error {
	if len(units) == 0 {
		return nil
	}
	if _, err := o.run(ctx, offlineCommand(o.root, verb, units)); err != nil {
		return fmt.Errorf("%s %s: %w", gerund(verb), strings.Join(units, ", "), err)
	}
	return nil
}

func gerund(verb string) string {
	return strings.TrimSuffix(verb, "e") + "ing"
}

// Tmpfiles makes what a file of tmpfiles.d asks for, except on the file
// systems that do not exist before the tree boots, and what systemd-tmpfiles cannot
// make from outside of the tree: /var may be an absolute link. All of that is made
// when the tree boots. Only file's base name counts: it is looked up in the tree's
// tmpfiles.d directories. Idempotent.
func (o *Offline) Tmpfiles(ctx context.Context, file string) error {
	err := tmpfiles(ctx, o.run, o.root, file)
	if o.root != "/" && exitStatus(err) == cannotCreate {
		return nil
	}
	return err
}

// cannotCreate is systemd-tmpfiles' exit status when the file is right and something
// of it could not be made (EX_CANTCREAT).
const cannotCreate = 73

// Reload does nothing: nothing has been loaded.
func (o *Offline) Reload(context.Context) error { return nil }

// Stop does nothing: nothing runs.
func (o *Offline) Stop(context.Context, string) error { return nil }

// Start returns ErrNotRunning.
func (o *Offline) Start(_ context.Context, unit string) error {
	return fmt.Errorf("starting %s: %w", unit, ErrNotRunning)
}

// Restart returns ErrNotRunning.
func (o *Offline) Restart(_ context.Context, unit string) error {
	return fmt.Errorf("restarting %s: %w", unit, ErrNotRunning)
}

// Status returns ErrNotRunning.
func (o *Offline) Status(_ context.Context, unit string) (Status, error) {
	return Status{}, fmt.Errorf("asking for the state of %s: %w", unit, ErrNotRunning)
}

// States returns ErrNotRunning.
func (o *Offline) States(context.Context, []string) (map[string]State, error) {
	return nil, fmt.Errorf("asking for the states of units: %w", ErrNotRunning)
}

// Journal returns nothing.
func (o *Offline) Journal(context.Context, string, int) []string { return nil }

func tmpfiles(ctx context.Context, run Runner, root, file string) error {
	if _, err := run(ctx, tmpfilesCommand(root, file)); err != nil {
		return fmt.Errorf("applying %s: %w", file, err)
	}
	return nil
}
