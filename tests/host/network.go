package host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Network is a switch that machines are plugged into. It is a network namespace of its own, with a bridge in it and
// no way out, and it is gone with its last machine and its file, however this process ends.
type Network struct{ namespace *os.File }

// bridge is the name of the bridge in a network's namespace.
const bridge = "switch"

// NewNetwork makes a network. Close it when its machines are closed.
func NewNetwork(ctx context.Context) (*Network, error) {
	n := &Network{}
	err := apart(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		var err error
		if n.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		return errors.Join(
			run(ctx, "ip", "link", "add", bridge, "type", "bridge"),
			run(ctx, "ip", "link", "set", bridge, "up"),
		)
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Close gives the network back.
func (n *Network) Close() error {
	if n.namespace == nil {
		return nil
	}
	return n.namespace.Close()
}

// Run runs a program of this machine in the network, where all its machines' packets pass.
func (n *Network) Run(ctx context.Context, argv ...string) error {
	return apart(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return run(ctx, argv...)
	})
}

// enter moves the calling thread into the network. The thread has to end with that.
func (n *Network) enter() error {
	if err := unix.Setns(int(n.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network: %w", err)
	}
	return nil
}

// apart calls do on a thread that ends afterwards, whatever do made of it.
func apart(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		done <- do()
	}()
	return <-done
}

// plug makes the folder dir a layer that gives a machine its address in a network. The route for everything else leads
// nowhere; it says which interface is the one to the world.
func plug(dir string, address netip.Prefix) error {
	const text = `[Match]
Name=host0

[Network]
Address=%s
Gateway=%s
LinkLocalAddressing=no
IPv6AcceptRA=no
`
	const (
		networkd = "/lib/systemd/system/systemd-networkd.service"
		online   = "/lib/systemd/system/systemd-networkd-wait-online.service"
	)
	gateway := address.Masked().Addr().Next() // nobody's
	config := filepath.Join(dir, "etc/systemd/network/10-host0.network")
	wants := filepath.Join(dir, "etc/systemd/system")
	return errors.Join(
		os.Chmod(dir, 0o755),
		os.MkdirAll(filepath.Dir(config), 0o755),
		os.WriteFile(config, fmt.Appendf(nil, text, address, gateway), 0o644),
		os.MkdirAll(filepath.Join(wants, "multi-user.target.wants"), 0o755),
		os.Symlink(networkd, filepath.Join(wants, "multi-user.target.wants/systemd-networkd.service")),
		os.MkdirAll(filepath.Join(wants, "network-online.target.wants"), 0o755),
		os.Symlink(online, filepath.Join(wants, "network-online.target.wants/systemd-networkd-wait-online.service")),
	)
}
