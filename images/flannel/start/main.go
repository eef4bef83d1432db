// Command flannel-start puts flannel's network configuration into etcd, unless there is one already, and then becomes
// the program that its arguments name. It waits for etcd as long as it takes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// A process in which another thread than the first calls exec is a zombie for a moment, and
// systemd, which is told its number about then, would take it for dead.
func init() { runtime.LockOSThread() }

func main() {
	log.SetFlags(0) // the journal knows when
	log.SetPrefix("flannel-start: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: flannel-start PROGRAM [ARGUMENT...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := prepare(ctx); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ()); err != nil {
		log.Fatalf("running %s: %v", os.Args[1], err)
	}
}

// prepare returns when there is a network configuration in etcd.
func prepare(ctx context.Context) error {
	wanted, err := networkConfig(os.Getenv)
	if err != nil {
		return err
	}
	c, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	found, err := c.putUntilThere(ctx, wanted)
	if err != nil {
		return err
	}
	switch {
	case found == "":
		say("put the network %s into etcd, at %s", wanted, c.key)
	case sameJSON(found, wanted):
		say("etcd has the network %s, at %s", found, c.key)
	default:
		say("etcd has another network at %s, which holds: %s, and not %s", c.key, found, wanted)
	}
	return nil
}

// say tells the journal, and whoever looks at the unit's status.
func say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	log.Print(text)
	if _, err := daemon.SdNotify(false, "STATUS="+text); err != nil {
		log.Printf("telling systemd: %v", err)
	}
}

// patience is how long an attempt may take.
const patience = 3 * time.Second

// retry calls try once a second until it succeeds, and says why it does not when the reason is a new one.
func retry(ctx context.Context, try func(context.Context) error) error {
	last := ""
	for {
		attempt, cancel := context.WithTimeout(ctx, patience)
		err := try(attempt)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err.Error() != last:
			say("waiting for etcd: %v", err)
			last = err.Error()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
