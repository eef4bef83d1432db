package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
)

// options is the command line.
type options struct {
	Runtime string // absolute path of the OCI runtime
	PIDFile string // where the runtime writes the pid of the container's init
	Bundle  string // the deployment: the directory that holds config.json
	Name    string // the container

	Foreground bool // wait for the container's end
}

// parseOptions reads the command line. An error means wrong usage.
func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("syscontainer-launch", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Runtime, "runtime", "", "")
	flags.StringVar(&o.PIDFile, "pid-file", "", "")
	flags.StringVar(&o.Bundle, "bundle", "", "")
	flags.BoolVar(&o.Foreground, "foreground", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("%w; %s", err, usage)
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" {
		return options{}, errors.New("need the name of one container; " + usage)
	}
	o.Name = flags.Arg(0)
	if !filepath.IsLocal(o.Name) || filepath.Base(o.Name) != o.Name || o.Name == "." {
		return options{}, fmt.Errorf("%q is no name of a container; %s", o.Name, usage)
	}
	return o, o.check()
}

const usage = "usage: syscontainer-launch [--foreground] --runtime=PATH --pid-file=PATH --bundle=DIR NAME"

// check refuses relative paths: the working directory is the unit's business.
func (o options) check() error {
	for _, f := range []struct{ flag, value string }{
		{"--runtime", o.Runtime}, {"--pid-file", o.PIDFile}, {"--bundle", o.Bundle},
	} {
		if !filepath.IsAbs(f.value) {
			return fmt.Errorf("%s=%q is not an absolute path; %s", f.flag, f.value, usage)
		}
	}
	return nil
}
