// Command syscontainer installs OCI images as systemd services.
//
// It has one file per verb. A verb parses its flags into options, calls package
// install and prints what came of it; nothing is decided here.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the command cleanly, which may mean to undo its work;
	// a second one ends it at once, and recover finishes it.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}
