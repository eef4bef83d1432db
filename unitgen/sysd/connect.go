package sysd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Manager is the systemd that runs as PID 1. Its methods may be called at the
// same time.
type Manager struct {
	run        Runner
	disconnect context.CancelFunc
	// first waits for the connection that questions need. connection waits for two: with
	// the other one go-systemd follows jobs.
	first      func() (*godbus.Conn, error)
	connection func() (*dbus.Conn, error)
}

// Connect returns the running manager, unless there is none or it manages another tree
// than the one that we see (a chroot): runs is false then. It connects meanwhile; Ready
// waits for it. The connection outlives ctx, so that an undo can use it; call Close.
func Connect(ctx context.Context) (m *Manager, runs bool) {
	if !booted("/") {
		return nil, false
	}
	lifetime, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	dialing := func() (*godbus.Conn, error) { return dial(lifetime) }
	first := sync.OnceValues(func() (*godbus.Conn, error) { return connecting(ctx, disconnect, dialing) })
	go first() // every method waits for it, and tells the error
	return &Manager{
		run: Exec, disconnect: disconnect, first: first,
		connection: sync.OnceValues(func() (*dbus.Conn, error) {
			questions, err := first()
			if err != nil {
				return nil, err
			}
			return connecting(ctx, disconnect, func() (*dbus.Conn, error) { return follow(questions, dialing) })
		}),
	}, true
}

// connecting waits for connect, which disconnect ends: go-systemd asks before it returns,
// and a systemd that does not answer would keep us, whatever becomes of ctx.
func connecting[C any](ctx context.Context, disconnect func(), connect func() (*C, error)) (*C, error) {
	stop := context.AfterFunc(ctx, disconnect)
	conn, err := connect()
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to systemd: %w", err)
	}
	return conn, nil
}

// Ready waits until systemd can be asked to do something, and tells why it cannot.
func (m *Manager) Ready() error {
	_, err := m.connection()
	return err
}

// Close ends the connections. Jobs that were begun go on.
func (m *Manager) Close() { m.disconnect() }

// dial prefers systemd's own socket, which root may use and which needs no
// dbus-daemon.
func dial(ctx context.Context) (*godbus.Conn, error) {
	var private error
	if os.Geteuid() == 0 {
		conn, err := authenticate(godbus.Dial("unix:path=/run/systemd/private", godbus.WithContext(ctx)))
		if err == nil {
			return conn, nil
		}
		private = err
	}
	conn, err := authenticate(godbus.SystemBusPrivate(godbus.WithContext(ctx)))
	if err == nil {
		err = conn.Hello()
	}
	if err != nil {
		return nil, errors.Join(private, err)
	}
	return conn, nil
}

func authenticate(conn *godbus.Conn, err error) (*godbus.Conn, error) {
	if err != nil {
		return nil, err
	}
	if err := conn.Auth([]godbus.Auth{godbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// follow makes of two connections one that learns on the second when jobs end.
func follow(questions *godbus.Conn, dialing func() (*godbus.Conn, error)) (*dbus.Conn, error) {
	signals, err := dialing()
	if err != nil {
		return nil, err
	}
	next := []*godbus.Conn{questions, signals}
	conn, err := dbus.NewConnection(func() (*godbus.Conn, error) {
		conn := next[0]
		next = next[1:]
		return conn, nil
	})
	if err != nil {
		return nil, err
	}
	// The bus, other than systemd's own socket, tells only subscribers when a job ends.
	if isOnBus(signals) {
		if err := conn.Subscribe(); err != nil {
			return nil, err
		}
	}
	return conn, nil
}

// isOnBus reports whether a connection has a name: the bus gives its clients names.
func isOnBus(conn *godbus.Conn) bool {
	return slices.ContainsFunc(conn.Names(), func(name string) bool { return name != "" })
}
