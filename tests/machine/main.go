// Command machine makes throw-away machines for people.
//
//	machine prepare SUITE   installs Debian where machines find it, once
//	machine shell SUITE     boots a machine with the product and a registry, and gives a shell on it
package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "machine:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: machine prepare|shell SUITE")
	}
	suite := host.Suite(args[1])
	switch args[0] {
	case "prepare":
		return prepare(ctx, suite)
	case "shell":
		return shell(ctx, suite)
	}
	return fmt.Errorf("there is no %q", args[0])
}

func prepare(ctx context.Context, suite host.Suite) error {
	lab, err := host.Open(ctx, ".cache", suite)
	if err != nil {
		return err
	}
	return lab.Close()
}

func shell(ctx context.Context, suite host.Suite) (err error) {
	signal.Ignore(syscall.SIGINT) // ^C is for what runs in the shell
	bed, err := testbed.Open(ctx, suite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bed.Close()) }()
	network, err := host.NewNetwork(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	disk, err := bed.Lab.TempDir()
	if err != nil {
		return err
	}
	o := bed.Machine() // with what a node needs: an interface, and a disk for Docker
	o.Network, o.Address = network, netip.MustParsePrefix("10.0.0.2/24")
	o.Mounts = map[string]string{"/var/lib/docker": disk}
	h, err := bed.Lab.Boot(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	fmt.Println("Try: syscontainer install --system etcd. Leaving the shell removes the machine.")
	on, err := h.Shell(ctx, os.Stdin, os.Stdout, os.Stderr)
	if !on && err == nil {
		fmt.Println("The machine is off, and is removed.")
	}
	return err
}
