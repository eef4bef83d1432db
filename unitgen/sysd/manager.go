package sysd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Manager is the systemd that runs as PID 1. Its methods may be called at the
// same time.
type Manager struct {
	run        Runner
	disconnect context.CancelFunc
	// connection waits until there is one.
	connection func() (*dbus.Conn, error)
}

// Connect returns the running manager, or ErrNotRunning when there is none or
// when it manages another tree than the one that we see (a chroot). It connects
// meanwhile; Ready waits for it. The connection outlives ctx, so that an undo can use
// it; call Close.
func Connect(ctx context.Context) (*Manager, error) {
	if !booted("/") {
		return nil, ErrNotRunning
	}
	lifetime, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	connection := sync.OnceValues(func() (*dbus.Conn, error) {
		stop := context.AfterFunc(ctx, disconnect)
		conn, err := dial(lifetime)
		if !stop() && err == nil {
			conn.Close()
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("connecting to systemd: %w", err)
		}
		return conn, nil
	})
	go connection() // every method waits for it, and tells the error
	return &Manager{run: Exec, disconnect: disconnect, connection: connection}, nil
}

// Ready waits until systemd can be asked, and tells why it cannot.
func (m *Manager) Ready() error {
	_, err := m.connection()
	return err
}

// dial prefers systemd's own socket, which root may use and which needs no
// dbus-daemon.
func dial(ctx context.Context) (*dbus.Conn, error) {
	var private error
	if os.Geteuid() == 0 {
		conn, err := dbus.NewSystemdConnectionContext(ctx)
		if err == nil {
			return conn, nil
		}
		private = err
	}
	conn, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return nil, errors.Join(private, err)
	}
	// The bus, other than the private socket, tells only subscribers when a
	// job ends.
	if err := conn.Subscribe(); err != nil {
		conn.Close()
		return nil, errors.Join(private, err)
	}
	return conn, nil
}

// Close ends the connection. Jobs that were begun go on.
func (m *Manager) Close() {
	m.disconnect()
	if conn, err := m.connection(); err == nil {
		conn.Close()
	}
}

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
	conn, err := m.connection()
	if err != nil {
		return nil, err
	}
	enabled := make(chan map[string]bool, 1)
	go func() { enabled <- enabledByLinks("/") }() // while systemd thinks
	loaded, err := conn.ListUnitsByNamesContext(ctx, units)
	if err != nil {
		return nil, fmt.Errorf("asking for the states of %d units: %w", len(units), err)
	}
	files, err := fileStates(ctx, conn, units, <-enabled)
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

// fileStates asks for the states of those units' files that are not known to be enabled,
// each by itself: these systemd remembers until its next reload, while for a list of unit
// files it reads its directories anew, once for each unit.
func fileStates(ctx context.Context, conn *dbus.Conn, units []string, enabled map[string]bool) (map[string]string, error) {
	states := map[string]string{}
	for _, unit := range units {
		if enabled[unit] {
			states[unit] = "enabled"
			continue
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
