// Command demo shows on a throw-away machine what a user does with system containers, etcd first and then a whole node: each step as the
// command to type, with what it prints. It ends with status 1 when a step does not do what it should.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, out io.Writer) (err error) {
	begin := time.Now()
	fmt.Fprintln(out, "making a Debian 12 machine with a registry on loopback (half a minute the first time)")
	bed, err := testbed.Open(ctx, host.Bookworm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bed.Close()) }()
	network, err := host.NewNetwork(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	h, err := boot(ctx, bed, network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()

	for _, s := range append(etcdSteps(), nodeSteps()...) {
		if err := s.play(ctx, h, out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nThe demo is over after %.0f s; the machine is gone.\n", time.Since(begin).Seconds())
	return nil
}

// boot starts a machine that can be a node: with an interface, and a disk for Docker.
func boot(ctx context.Context, bed *testbed.Bed, network *host.Network) (*host.Host, error) {
	disk, err := bed.Lab.TempDir()
	if err != nil {
		return nil, err
	}
	o := bed.Machine()
	o.Network, o.Address = network, netip.MustParsePrefix("10.0.0.2/24")
	o.Mounts = map[string]string{"/var/lib/docker": disk}
	return bed.Lab.Boot(ctx, o)
}

// step is something that a user does on the machine.
type step struct {
	why      string
	command  string        // for a shell
	expect   []string      // words that it must print
	within   time.Duration // repeat it so long until it prints them
	mayFail  bool          // its exit status says something else than success
	reboot   bool          // the command is a reboot
	abridged int           // show so many lines at most
}

func (s step) play(ctx context.Context, h *host.Host, out io.Writer) error {
	if s.why != "" {
		fmt.Fprintf(out, "\n## %s\n", s.why)
	}
	fmt.Fprintf(out, "\n# %s\n", s.command)
	begin := time.Now()
	if s.reboot {
		if err := h.Reboot(ctx); err != nil {
			return err
		}
		fmt.Fprintf(out, "(up again after %.1f s)\n", time.Since(begin).Seconds())
		return nil
	}
	for {
		result, err := h.Run(ctx, "bash", "-c", s.command+" 2>&1")
		if err != nil {
			return err
		}
		wrong := s.judge(result)
		if wrong == nil || time.Since(begin) > s.within {
			s.show(out, result, time.Since(begin))
			return wrong
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// judge says what is wrong with how the command ended.
func (s step) judge(result host.Result) error {
	if result.Code != 0 && !s.mayFail {
		return fmt.Errorf("%s: exit status %d", s.command, result.Code)
	}
	for _, words := range s.expect {
		if !strings.Contains(result.Stdout, words) {
			return fmt.Errorf("%s: does not print %q", s.command, words)
		}
	}
	return nil
}

func (s step) show(out io.Writer, result host.Result, took time.Duration) {
	lines := strings.SplitAfter(result.Stdout, "\n")
	if s.abridged > 0 && len(lines) > s.abridged {
		lines = append(lines[:s.abridged], "…\n")
	}
	fmt.Fprint(out, strings.Join(lines, ""))
	if took > time.Second {
		fmt.Fprintf(out, "(%.1f s)\n", took.Seconds())
	}
}
