package sysd

import (
	"context"
	"errors"
	"net"
	"testing"

	godbus "github.com/godbus/dbus/v5"
)

func TestConnectingEndsWithTheContext(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, interrupt := context.WithCancelCause(t.Context())
	cut := make(chan struct{})
	_, err := connecting(ctx, func() { close(cut) }, func() (*godbus.Conn, error) {
		interrupt(interrupted)
		<-cut // as an answer of a systemd that does not give any
		return nil, godbus.ErrClosed
	})
	if !errors.Is(err, interrupted) {
		t.Errorf("got error %v", err)
	}
}

// A connection to systemd itself has no name, and godbus lists that.
func TestConnectionToSystemdIsNotOnTheBus(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	conn, err := godbus.NewConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if isOnBus(conn) {
		t.Errorf("it has the names %q", conn.Names())
	}
}
