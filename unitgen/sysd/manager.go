package sysd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Reload has systemd read all unit files again.
func (m *Manager) Reload(ctx context.Context) error {
	conn, err := m.connection()
	if err != nil {
		return err
	}
	if err := conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reloading systemd: %w", err)
	}
	return nil
}

// Enable makes the links that the units' [Install] sections ask for. A unit
// without that section is fine; an alias that is another unit's link is an
// error. Idempotent. systemd learns of it at the next Reload.
func (m *Manager) Enable(ctx context.Context, units []string) error {
	if len(units) == 0 {
		return nil
	}
	conn, err := m.connection()
	if err != nil {
		return err
	}
	if _, _, err := conn.EnableUnitFilesContext(ctx, units, false, false); err != nil {
		return fmt.Errorf("enabling %s: %w", strings.Join(units, ", "), err)
	}
	return nil
}

// Disable removes the units' links, also when their files are gone, and those
// of aliases. Idempotent. It stops nothing; systemd learns of it at the next
// Reload.
func (m *Manager) Disable(ctx context.Context, units []string) error {
	conn, err := m.connection()
	if err != nil {
		return err
	}
	found, err := existing("/", units)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		if _, err := conn.DisableUnitFilesContext(ctx, found, false); err != nil {
			return fmt.Errorf("disabling %s: %w", strings.Join(found, ", "), err)
		}
	}
	return removeLinks("/", units)
}

// Tmpfiles makes what a file of tmpfiles.d asks for. Only file's base name
// counts: it is looked up in the tmpfiles.d directories. Idempotent.
func (m *Manager) Tmpfiles(ctx context.Context, file string) error {
	return tmpfiles(ctx, m.run, "", file)
}

// Status returns what systemd knows of a unit, loading it if need be. A unit
// that does not exist is no error: its Load is "not-found".
func (m *Manager) Status(ctx context.Context, unit string) (Status, error) {
	conn, err := m.connection()
	if err != nil {
		return Status{}, err
	}
	properties, err := conn.GetAllPropertiesContext(ctx, unit)
	if err != nil {
		return Status{}, fmt.Errorf("asking for the state of %s: %w", unit, err)
	}
	return statusFrom(properties), nil
}

// States returns what systemd knows of several units, by name. A unit that does
// not exist is inactive and has no file.
func (m *Manager) States(ctx context.Context, units []string) (map[string]State, error) {
	if len(units) == 0 {
		return nil, nil
	}
	enabled := make(chan map[string]bool, 1)
	go func() { enabled <- enabledByLinks("/") }() // while systemd thinks
	loaded, err := m.listUnits(ctx, units)
	if err != nil {
		return nil, fmt.Errorf("asking for the states of %d units: %w", len(units), err)
	}
	files, err := m.fileStates(ctx, units, <-enabled)
	if err != nil {
		return nil, err
	}
	states := make(map[string]State, len(units))
	for unit, file := range files {
		states[unit] = State{File: file}
	}
	for _, unit := range loaded {
		states[unit.Name] = State{Active: unit.ActiveState, File: states[unit.Name].File}
	}
	return states, nil
}

// listUnits asks on the first connection, so that the other one need not be made.
func (m *Manager) listUnits(ctx context.Context, units []string) (loaded []dbus.UnitStatus, err error) {
	conn, err := m.first()
	if err != nil {
		return nil, err
	}
	manager := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	err = manager.CallWithContext(ctx, "org.freedesktop.systemd1.Manager.ListUnitsByNames", 0, units).Store(&loaded)
	return loaded, err
}

// fileStates asks for the states of those units' files that are not known to be enabled,
// each by itself: these systemd remembers until its next reload, while for a list of unit
// files it reads its directories anew, once for each unit.
func (m *Manager) fileStates(ctx context.Context, units []string, enabled map[string]bool) (map[string]string, error) {
	states := map[string]string{}
	for _, unit := range units {
		if enabled[unit] {
			states[unit] = "enabled"
			continue
		}
		conn, err := m.connection()
		if err != nil {
			return nil, err
		}
		property, err := conn.GetUnitPropertyContext(ctx, unit, "UnitFileState")
		if err != nil {
			return nil, fmt.Errorf("asking for the state of %s's file: %w", unit, err)
		}
		states[unit], _ = property.Value.Value().(string)
	}
	return states, nil
}

// Journal returns the last lines that a unit, or systemd about it, has written
// since boot; it is meant for error messages and returns nothing rather than
// an error.
func (m *Manager) Journal(ctx context.Context, unit string, lines int) []string {
	// A process that has just died may have lines on the way to the journal;
	// without the sync they would be missing, but the others would be there.
	_, _ = m.run(ctx, journalSyncCommand())
	out, err := m.run(ctx, journalCommand(unit, lines))
	text := strings.TrimSpace(string(out))
	if err != nil || text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// isUnknown reports whether systemd refused because it has no such unit.
func isUnknown(err error) bool {
	var remote godbus.Error
	return errors.As(err, &remote) && remote.Name == "org.freedesktop.systemd1.NoSuchUnit"
}
