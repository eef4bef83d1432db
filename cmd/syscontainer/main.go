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
	code := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
