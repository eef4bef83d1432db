package runcspec

import (
	"path"
	"regexp"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limitPrefix is how the names of resource limits begin.
const limitPrefix = "RLIMIT_"

// lastID is the highest user or group that runc before 1.3 takes.
const lastID = 1<<31 - 1

func (c *checker) process(p *specs.Process) {
	if p == nil {
		c.require(false, "/process", "is missing")
		return
	}
	c.require(!p.Terminal, "/process/terminal", "must be false: a service has no terminal")
	c.user(p.User)
	c.require(len(p.Args) > 0 && p.Args[0] != "", "/process/args", "names no program")
	for i, arg := range p.Args {
		c.argument(arg, at("/process/args", i))
	}
	for i, e := range p.Env {
		name, _, assigned := strings.Cut(e, "=")
		c.require(assigned && name != "", at("/process/env", i), "%.100q is not NAME=VALUE", e)
		c.argument(e, at("/process/env", i))
	}
	c.require(path.IsAbs(p.Cwd), "/process/cwd", "%q is not an absolute path", p.Cwd)
	c.text(p.Cwd, "/process/cwd")
	c.capabilities(p.Capabilities)
	c.limits(p.Rlimits)
	if p.OOMScoreAdj != nil {
		score := *p.OOMScoreAdj
		c.require(score >= -1000 && score <= 1000, "/process/oomScoreAdj", "%d is not between -1000 and 1000", score)
	}
}

// argument refuses what the kernel does not hand to a program: a NUL byte, and with
// it more than 128 KiB. The text may be long and is not shown.
func (c *checker) argument(s, pointer string) {
	const most = 128<<10 - 1
	c.require(len(s) <= most, pointer, "has %d bytes, and the kernel takes no more than %d as one argument or variable", len(s), most)
	if len(s) <= most {
		c.text(s, pointer)
	}
}

func (c *checker) user(u specs.User) {
	c.require(u.UID <= lastID, "/process/user/uid", "%d is more than %d", u.UID, lastID)
	c.require(u.GID <= lastID, "/process/user/gid", "%d is more than %d", u.GID, lastID)
	for i, gid := range u.AdditionalGids {
		c.require(gid <= lastID, at("/process/user/additionalGids", i), "%d is more than %d", gid, lastID)
	}
}

// capabilities demands well-formed names, and no effective capability that is not
// permitted: the kernel refuses that.
func (c *checker) capabilities(sets *specs.LinuxCapabilities) {
	if sets == nil {
		return
	}
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
			c.require(isCapability(name), at("/process/capabilities/"+set.name, i),
				"%q is not the name of a capability", name)
		}
	}
	for i, name := range sets.Effective {
		ok := !isCapability(name) || slices.Contains(sets.Permitted, name)
		c.require(ok, at("/process/capabilities/effective", i), "%s is not permitted", name)
		c.advise(ok, "add it to /process/capabilities/permitted, or take it out of effective")
	}
}

func isCapability(name string) bool {
	return regexp.MustCompile(`^CAP_[A-Z][A-Z0-9_]*$`).MatchString(name)
}

func (c *checker) limits(limits []specs.POSIXRlimit) {
	const known = " AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK "
	for i, limit := range limits {
		pointer := at("/process/rlimits", i)
		name, ok := strings.CutPrefix(limit.Type, limitPrefix)
		c.require(ok && strings.Contains(known, " "+name+" "), pointer+"/type", "%q is not a limit of Linux", limit.Type)
		c.require(limit.Soft <= limit.Hard, pointer+"/soft", "%d is more than the hard limit, %d", limit.Soft, limit.Hard)
	}
}
