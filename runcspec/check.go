package runcspec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Check tells whether a spec, once adapted, keeps what we promise of every
// container and what the runtimes demand: a promise that is broken, or a value with
// which no runtime would start. The error joins a *Violation for everything that
// is wrong, in the order of the specification.
func Check(spec *specs.Spec) error {
	return checkWith(spec, 0)
}

// checkWith is Check for a spec before whose mounts so many were added, which are
// not counted where a pointer names one.
func checkWith(spec *specs.Spec, added int) error {
	c := checker{added: added}
	c.require(strings.HasPrefix(spec.Version, "1."), "/ociVersion", "%q is not a version 1 of the specification", spec.Version)
	c.process(spec.Process)
	c.root(spec.Root)
	c.mounts(spec.Mounts)
	c.hooks(spec.Hooks)
	c.linux(spec.Linux)
	c.hostname(spec)
	return errors.Join(c.violations...)
}

type checker struct {
	added      int
	violations []error
}

func (c *checker) require(holds bool, pointer, reason string, args ...any) {
	if !holds {
		c.violations = append(c.violations, &Violation{Pointer: pointer, Reason: fmt.Sprintf(reason, args...)})
	}
}

// advise adds what to do to the violation that has just been found.
func (c *checker) advise(holds bool, hint string) {
	if holds {
		return
	}
	if last, ok := c.violations[len(c.violations)-1].(*Violation); ok { //nolint:errorlint // nothing wraps them
		last.Hint = hint
	}
}

// text refuses what the kernel's strings cannot hold.
func (c *checker) text(s, pointer string) {
	c.require(!strings.Contains(s, "\x00"), pointer, "%q has a NUL byte", s)
}

func (c *checker) root(r *specs.Root) {
	if r == nil {
		c.require(false, "/root", "is missing")
		return
	}
	c.require(r.Path == rootDirectory, "/root/path", "%q must be %q", r.Path, rootDirectory)
	c.require(r.Readonly, "/root/readonly", "must be true: the files are shared with other containers")
	c.advise(r.Readonly, "give each directory that the program writes to a mount: a bind of $STATE_DIRECTORY/$NAME, or a tmpfs")
}

func (c *checker) mounts(mounts []specs.Mount) {
	for i, m := range mounts {
		pointer := at("/mounts", i-c.added)
		c.require(isCleanAbs(m.Destination), pointer+"/destination",
			"%q is not an absolute path in its shortest form", m.Destination)
		c.require(m.Destination != "/", pointer+"/destination", "%q would hide the container's files", m.Destination)
		c.require(isBind(m) || m.Type != "", pointer+"/type", "is missing, and there is no option bind or rbind")
		c.require(!isBind(m) || m.Source != "", pointer+"/source", "is missing: a bind mount needs it")
		c.require(!isBind(m) || !slices.Contains(strings.Split(m.Source, "/"), ".."),
			pointer+"/source", "%q has a \"..\"", m.Source)
		c.text(m.Destination+m.Source+strings.Join(m.Options, ""), pointer)
	}
}

func (c *checker) hooks(hooks *specs.Hooks) {
	for _, hook := range hooksOf(hooks) {
		c.require(path.IsAbs(hook.Path), hook.Pointer, "%q is not an absolute path", hook.Path)
	}
}

// hostname demands that a name is the container's own: runtimes do not set the host's.
func (c *checker) hostname(spec *specs.Spec) {
	own := hasNamespace(spec.Linux, specs.UTSNamespace)
	for _, name := range []struct{ pointer, text string }{
		{"/hostname", spec.Hostname}, {"/domainname", spec.Domainname},
	} {
		ok := name.text == "" || own
		c.require(ok, name.pointer, "%q needs a namespace of type uts", name.text)
		c.advise(ok, `leave the name out, or add {"type": "uts"} to /linux/namespaces`)
		c.text(name.text, name.pointer)
	}
}

// A Hook is a program that the runtime runs beside the container's.
type Hook struct {
	Pointer string // of its path in config.json
	Path    string
	OnHost  bool // the path is one of the host, and not of the container
}

// Hooks returns the programs that must be there for the container to start.
func Hooks(spec *specs.Spec) []Hook { return hooksOf(spec.Hooks) }

func hooksOf(hooks *specs.Hooks) []Hook {
	if hooks == nil {
		return nil
	}
	var list []Hook
	for _, kind := range []struct {
		name   string
		hooks  []specs.Hook
		onHost bool
	}{
		//lint:ignore SA1019 images have it
		{"prestart", hooks.Prestart, true},
		{"createRuntime", hooks.CreateRuntime, true},
		{"createContainer", hooks.CreateContainer, true},
		{"startContainer", hooks.StartContainer, false},
		{"poststart", hooks.Poststart, true},
		{"poststop", hooks.Poststop, true},
	} {
		for i, hook := range kind.hooks {
			list = append(list, Hook{Pointer: at("/hooks/"+kind.name, i) + "/path", Path: hook.Path, OnHost: kind.onHost})
		}
	}
	return list
}

func hasNamespace(linux *specs.Linux, kind specs.LinuxNamespaceType) bool {
	return linux != nil && slices.ContainsFunc(linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
}

func at(pointer string, index int) string {
	return fmt.Sprintf("%s/%d", pointer, index)
}
