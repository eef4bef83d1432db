package runcspec

import (
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (c *checker) linux(linux *specs.Linux) {
	if linux == nil {
		c.require(false, "/linux", "is missing")
		return
	}
	c.idMappings(linux)
	c.namespaces(linux)
	c.devices(linux.Devices)
	c.sysctls(linux)
	c.memoryLimits(linux.Resources)
	c.require(linux.Seccomp == nil || linux.Seccomp.DefaultAction != "", "/linux/seccomp/defaultAction", "is missing")
	propagations := []string{
		"", "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable",
	}
	c.require(slices.Contains(propagations, linux.RootfsPropagation), "/linux/rootfsPropagation",
		"%q is none of %s", linux.RootfsPropagation, strings.Join(propagations[1:], ", "))
}

// namespaces demands a mount namespace, without which there is no read-only root,
// and that a control group namespace is the container's own: in another's, the
// path that the launcher compares would mean something else.
func (c *checker) namespaces(linux *specs.Linux) {
	var seen []specs.LinuxNamespaceType
	for i, ns := range linux.Namespaces {
		pointer := at("/linux/namespaces", i)
		c.require(!slices.Contains(seen, ns.Type), pointer, "%q is there twice", ns.Type)
		c.require(ns.Path == "" || path.IsAbs(ns.Path), pointer+"/path", "%q is not an absolute path", ns.Path)
		own := ns.Type == specs.CgroupNamespace || ns.Type == specs.MountNamespace
		c.require(ns.Path == "" || !own, pointer+"/path", "a %s namespace must be the container's own", ns.Type)
		seen = append(seen, ns.Type)
	}
	mount := slices.Contains(seen, specs.MountNamespace)
	c.require(mount, "/linux/namespaces", "has no mount namespace")
	c.advise(mount, `add {"type": "mount"}`)
}

// idMappings demands what a new user namespace needs. Mappings without one mean
// nothing, and runtimes take them.
func (c *checker) idMappings(linux *specs.Linux) {
	own := slices.ContainsFunc(linux.Namespaces, func(ns specs.LinuxNamespace) bool {
		return ns.Type == specs.UserNamespace && ns.Path == ""
	})
	for _, ids := range []struct {
		pointer  string
		mappings []specs.LinuxIDMapping
	}{
		{"/linux/uidMappings", linux.UIDMappings},
		{"/linux/gidMappings", linux.GIDMappings},
	} {
		c.require(!own || len(ids.mappings) > 0, ids.pointer, "is missing: the user namespace needs it")
		for i, m := range ids.mappings {
			c.require(m.Size > 0, at(ids.pointer, i)+"/size", "must not be 0")
		}
	}
}

// devices demands that device nodes are made in /dev, which is a mount: elsewhere
// they would be made in the checkout.
func (c *checker) devices(devices []specs.LinuxDevice) {
	for i, d := range devices {
		inDev := isCleanAbs(d.Path) && isBelow(d.Path, "/dev") && d.Path != "/dev"
		c.require(inDev, at("/linux/devices", i)+"/path", "%q is not a path in /dev", d.Path)
	}
}

// sysctls demands that each is of a namespace of the container: runtimes refuse to
// set the host's.
func (c *checker) sysctls(linux *specs.Linux) {
	for _, name := range slices.Sorted(maps.Keys(linux.Sysctl)) {
		pointer := "/linux/sysctl" + joinPointer(name)
		kind := sysctlNamespace(strings.ReplaceAll(name, "/", "."))
		switch {
		case kind == "":
			c.require(false, pointer, "is the whole host's and not a container's")
			c.advise(false, "set it on the host: put it into a file of /exports/hostfs/usr/lib/sysctl.d")
		case !hasNamespace(linux, kind):
			c.require(false, pointer, "needs a namespace of type %s", kind)
			c.advise(false, "leave it out and set it on the host: put it into a file of /exports/hostfs/usr/lib/sysctl.d")
		}
	}
}

// sysctlNamespace returns the kind of namespace that has its own value, or "".
func sysctlNamespace(name string) specs.LinuxNamespaceType {
	const ipc = " kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced "
	switch {
	case strings.HasPrefix(name, "net."):
		return specs.NetworkNamespace
	case strings.HasPrefix(name, "fs.mqueue."), strings.Contains(ipc, " "+name+" "):
		return specs.IPCNamespace
	case name == "kernel.domainname", name == "kernel.hostname":
		return specs.UTSNamespace
	}
	return ""
}

// memoryLimits demands a limit for memory and swap together that is no less than
// that for memory.
func (c *checker) memoryLimits(r *specs.LinuxResources) {
	if r == nil || r.Memory == nil || r.Memory.Limit == nil || r.Memory.Swap == nil {
		return
	}
	limit, both := *r.Memory.Limit, *r.Memory.Swap
	c.require(both < 0 || limit <= both, "/linux/resources/memory/swap",
		"%d is less than the limit, %d: it is memory and swap together", both, limit)
}
