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

	"github.com/containers/storage/pkg/reexec"
)

// defaultPath is where programs are where nobody says so: an initrd, env -i.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func main() {
	if reexec.Init() { // containers/storage runs this program again for what it does in a process of its own
		return
	}
	// Modes are said where files are made; the caller's umask has no say in them.
	syscall.Umask(0o022)
	if os.Getenv("PATH") == "" {
		os.Setenv("PATH", defaultPath)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the command cleanly, which may mean to undo its work;
	// a second one ends it at once, and recover finishes it.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}
