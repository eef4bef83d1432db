package runcspec

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Check tells whether a spec, once adapted, keeps what we promise of every
// container and what the runtimes demand. The error joins a *Violation for
// everything that is wrong, in the order of the specification.
func Check(spec *specs.Spec) error {
	var c checker
	c.require(strings.HasPrefix(spec.Version, "1."), "/ociVersion", "%q is not a version 1 of the specification", spec.Version)
	c.process(spec.Process)
	c.root(spec.Root)
	c.mounts(spec.Mounts)
	c.namespaces(spec.Linux)
	return errors.Join(c.violations...)
}

type checker struct {
	violations []error
}

func (c *checker) require(holds bool, pointer, reason string, args ...any) {
	if !holds {
		c.violations = append(c.violations, &Violation{Pointer: pointer, Reason: fmt.Sprintf(reason, args...)})
	}
}

// text refuses what the kernel's strings cannot hold.
func (c *checker) text(s, pointer string) {
	c.require(!strings.Contains(s, "\x00"), pointer, "%q has a NUL byte", s)
}

func (c *checker) process(p *specs.Process) {
	if p == nil {
		c.require(false, "/process", "is missing")
		return
	}
	c.require(!p.Terminal, "/process/terminal", "must be false: a service has no terminal")
	c.require(len(p.Args) > 0 && p.Args[0] != "", "/process/args", "names no program")
	for i, arg := range p.Args {
		c.text(arg, at("/process/args", i))
	}
	for i, e := range p.Env {
		name, _, assigned := strings.Cut(e, "=")
		c.require(assigned && name != "", at("/process/env", i), "%q is not NAME=VALUE", e)
		c.text(e, at("/process/env", i))
	}
	c.require(path.IsAbs(p.Cwd), "/process/cwd", "%q is not an absolute path", p.Cwd)
	c.text(p.Cwd, "/process/cwd")
	c.capabilities(p.Capabilities)
}

func (c *checker) capabilities(sets *specs.LinuxCapabilities) {
	if sets == nil {
		return
	}
	wellFormed := regexp.MustCompile(`^CAP_[A-Z][A-Z0-9_]*$`)
	for _, set := range []struct {
		name string
		caps []string
	}{
		{"bounding", sets.Bounding},
		{"effective", sets.Effective},
		{"inheritable", sets.Inheritable},
		{"permitted", sets.Permitted},
		{"ambient", sets.Ambient},
	} {
		for i, name := range set.caps {
			c.require(wellFormed.MatchString(name), at("/process/capabilities/"+set.name, i),
				"%q is not the name of a capability", name)
		}
	}
}

func (c *checker) root(r *specs.Root) {
	if r == nil {
		c.require(false, "/root", "is missing")
		return
	}
	c.require(r.Path == rootDirectory, "/root/path", "%q must be %q", r.Path, rootDirectory)
	c.require(r.Readonly, "/root/readonly", "must be true: the files are shared with other containers")
}

func (c *checker) mounts(mounts []specs.Mount) {
	for i, m := range mounts {
		pointer := at("/mounts", i)
		c.require(isCleanAbs(m.Destination), pointer+"/destination",
			"%q is not an absolute path in its shortest form", m.Destination)
		c.require(m.Destination != "/", pointer+"/destination", "%q would hide the container's files", m.Destination)
		c.require(!isBind(m) || m.Source != "", pointer+"/source", "is missing: a bind mount needs it")
		c.require(!isBind(m) || !slices.Contains(strings.Split(m.Source, "/"), ".."),
			pointer+"/source", "%q has a \"..\"", m.Source)
		c.text(m.Destination+m.Source+strings.Join(m.Options, ""), pointer)
	}
}

// namespaces demands a mount namespace, without which there is no read-only root,
// and that a control group namespace is the container's own: in another's, the
// path that the launcher compares would mean something else.
func (c *checker) namespaces(linux *specs.Linux) {
	if linux == nil {
		c.require(false, "/linux", "is missing")
		return
	}
	var seen []specs.LinuxNamespaceType
	for i, ns := range linux.Namespaces {
		pointer := at("/linux/namespaces", i)
		c.require(!slices.Contains(seen, ns.Type), pointer, "%q is there twice", ns.Type)
		c.require(ns.Path == "" || path.IsAbs(ns.Path), pointer+"/path", "%q is not an absolute path", ns.Path)
		own := ns.Type == specs.CgroupNamespace || ns.Type == specs.MountNamespace
		c.require(ns.Path == "" || !own, pointer+"/path", "a %s namespace must be the container's own", ns.Type)
		seen = append(seen, ns.Type)
	}
	c.require(slices.Contains(seen, specs.MountNamespace), "/linux/namespaces", "has no mount namespace")
}

func at(pointer string, index int) string {
	return fmt.Sprintf("%s/%d", pointer, index)
}
