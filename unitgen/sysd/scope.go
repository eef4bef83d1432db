package sysd

import (
	"context"
	"fmt"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Scope makes a unit around a process that runs, and all that it starts from then on: a
// control group of its own, which the process may divide. The unit ends with the last of
// them, and nothing stays of it.
func (m *Manager) Scope(ctx context.Context, unit, description string, pid int) error {
	properties := []dbus.Property{
		dbus.PropDescription(description),
		dbus.PropPids(uint32(pid)),
		{Name: "Delegate", Value: godbus.MakeVariant(true)},
		{Name: "CollectMode", Value: godbus.MakeVariant("inactive-or-failed")},
	}
	return m.job(ctx, "starting", unit, func(conn *dbus.Conn, ctx context.Context, unit, _ string, result chan<- string) (int, error) {
		id, err := conn.StartTransientUnitContext(ctx, unit, "fail", properties, result)
		if err != nil {
			return 0, fmt.Errorf("making a scope: %w", err)
		}
		return id, nil
	})
}
