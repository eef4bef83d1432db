package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/templates"
)

// maxValueFile bounds what is read from a file that holds values; no place where a
// value could go takes more.
const maxValueFile = 1 << 20

// valueFlags are the flags with which a command takes values of variables.
func valueFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "set", Usage: "set a variable of the image's templates: `NAME=VALUE`; may be repeated"},
		&cli.StringSliceFlag{Name: "set-file", Usage: "set a variable to what a file holds: `NAME=FILE`; may be repeated"},
		&cli.StringSliceFlag{Name: "values", Usage: "set variables as the TOML `FILE` says, where no other flag does; may be repeated"},
	}
}

// values are what the user sets, and who else could read it.
type values struct {
	texts   map[string]string
	exposed map[string]string // by variable: advice
}

// parseValues reads the values of a command line. What is more specific wins:
// --set and --set-file over --values, and of these a later one.
func parseValues(c *cli.Context) (values, error) {
	v := values{texts: map[string]string{}, exposed: map[string]string{}}
	set, err := deployment.Assignments(c.StringSlice("set"))
	setFile, fileErr := assignedFiles(c.StringSlice("set-file"))
	if err := errors.Join(err, fileErr, notInBoth(set, setFile)); err != nil {
		return v, err
	}
	for _, file := range c.StringSlice("values") {
		if err := v.addTable(c.Context, file); err != nil {
			return v, fmt.Errorf("--values: %w", err)
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(setFile)) {
		if err := v.addFile(c.Context, name, setFile[name]); err != nil {
			errs = append(errs, fmt.Errorf("--set-file %s: %w", name, err))
		}
	}
	for name, text := range set {
		v.texts[name] = text
		v.exposed[name] = "--set shows it to everybody who lists processes; use --set-file " + name + "=FILE"
	}
	return v, errors.Join(errs...)
}

// assignedFiles reads --set-file arguments of the form NAME=FILE.
func assignedFiles(args []string) (map[string]string, error) {
	files := map[string]string{}
	var errs []error
	for _, arg := range args {
		name, file, err := templates.ParseAssignment(arg)
		switch {
		case err != nil:
			errs = append(errs, usageErrorf("--set-file: %w", err))
		case file == "":
			errs = append(errs, usageErrorf("--set-file %s: the name of a file is missing", name))
		default:
			files[name] = file
		}
	}
	return files, errors.Join(errs...)
}

func notInBoth(set, setFile map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if _, both := setFile[name]; both {
			return usageErrorf("--set and --set-file both set %s", name)
		}
	}
	return nil
}

// addTable takes over the values of a TOML file.
func (v values) addTable(ctx context.Context, file string) error {
	read := readInTime(ctx, file)
	if read.err != nil {
		return read.err
	}
	table, err := templates.ParseValues(read.data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for name, text := range table {
		v.take(name, text, read)
	}
	return nil
}

// addFile takes over what a file holds. Text loses one newline at its end, which
// editors and echo add; what is no text is taken as it is.
func (v values) addFile(ctx context.Context, name, file string) error {
	read := readInTime(ctx, file)
	if read.err != nil {
		return read.err
	}
	text := string(read.data)
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		text = strings.TrimSuffix(text, "\n")
	}
	v.take(name, text, read)
	return nil
}

// take sets a variable to a text that comes from a file.
func (v values) take(name, text string, from valueFile) {
	v.texts[name] = text
	delete(v.exposed, name)
	if from.readable {
		v.exposed[name] = from.name + " can be read by others; use chmod 600 " + from.name
	}
}

// valueFile is what readValueFile found.
type valueFile struct {
	name     string
	data     []byte
	readable bool // by others than its owner
	err      error
}

// readInTime is readValueFile, which is left to itself when ctx ends: a pipe may never say
// anything.
func readInTime(ctx context.Context, name string) valueFile {
	read := make(chan valueFile, 1)
	go func() { read <- readValueFile(name) }()
	select {
	case file := <-read:
		return file
	case <-ctx.Done():
		return valueFile{name: name, err: fmt.Errorf("reading %s: %w", name, ctx.Err())}
	}
}

// readValueFile reads a file and tells whether others than its owner can.
func readValueFile(name string) valueFile {
	read := valueFile{name: name}
	file, err := os.Open(name)
	if err != nil {
		read.err = err
		return read
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		read.err = err
		return read
	}
	read.readable = info.Mode().IsRegular() && info.Mode().Perm()&0o044 != 0
	read.data, read.err = io.ReadAll(io.LimitReader(file, maxValueFile+1))
	if read.err == nil && len(read.data) > maxValueFile {
		read.err = fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return read
}
