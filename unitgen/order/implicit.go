package order

import (
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// addImplicit adds the order that systemd gives a unit by itself. What it gives targets
// depends on other units: see addTargets.
func (g *Graph) addImplicit(u *unit) {
	if u.hasDefaults() {
		g.addDefaults(u)
	}
	g.addSlice(u)
	g.addTriggers(u)
	for _, word := range u.paths("Unit", "RequiresMountsFor") {
		g.addMountsFor(u, word.Text, Reason{Setting: "RequiresMountsFor", File: word.File})
	}
	for _, word := range u.paths("Unit", "WantsMountsFor") {
		g.addMountsFor(u, word.Text, Reason{Setting: "WantsMountsFor", File: word.File})
	}
	switch kindOf(u.name) {
	case "service":
		g.addDBus(u)
		g.addExecution(u, "Service")
	case "socket":
		g.addSocket(u)
	case "mount":
		g.addMount(u)
	case "automount":
		g.addParents(u, u.last("Automount", "Where"))
	case "swap":
		g.addSwap(u)
	case "timer":
		if persistent, _ := u.text.Truth("Timer", "Persistent"); persistent {
			g.addMountsFor(u, "/var/lib/systemd/timers", rule("a persistent timer comes after the mount of its stamp"))
		}
	case "path":
		for _, key := range []string{"PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"} {
			for _, word := range u.paths("Path", key) {
				g.addMountsFor(u, word.Text, Reason{Setting: key, File: word.File})
			}
		}
	}
}

func rule(words string) Reason { return Reason{Rule: words} }

// defaults are what systemd puts before and after the units of a type.
type defaults struct{ after, before []string }

func defaultsOf(kind string) defaults {
	switch kind {
	case "service":
		return defaults{after: []string{"sysinit.target", "basic.target"}, before: []string{"shutdown.target"}}
	case "socket":
		return defaults{after: []string{"sysinit.target"}, before: []string{"sockets.target", "shutdown.target"}}
	case "timer":
		return defaults{after: []string{"sysinit.target"}, before: []string{"timers.target", "shutdown.target"}}
	case "path":
		return defaults{after: []string{"sysinit.target"}, before: []string{"paths.target", "shutdown.target"}}
	case "target", "slice", "scope":
		return defaults{before: []string{"shutdown.target"}}
	case "automount":
		return defaults{after: []string{"local-fs-pre.target"}, before: []string{"local-fs.target", "umount.target"}}
	case "swap":
		return defaults{before: []string{"swap.target", "umount.target"}}
	}
	return defaults{}
}

func (g *Graph) addDefaults(u *unit) {
	kind := kindOf(u.name)
	d := defaultsOf(kind)
	switch {
	case kind == "mount":
		d = mountDefaults(u)
	case kind == "timer" && len(u.text.All("Timer", "OnCalendar")) > 0:
		d.after = append(d.after, "time-set.target", "time-sync.target")
	}
	why := rule("default of a " + kind)
	for _, name := range d.after {
		g.add(name, u.name, why)
	}
	for _, name := range d.before {
		g.add(u.name, name, why)
		if name == "shutdown.target" || name == "umount.target" {
			put(g.conflicts, u.name, name, why)
		}
	}
}

// mountDefaults depend on whether the file system is on a network.
func mountDefaults(u *unit) defaults {
	if isExtrinsic(u.last("Mount", "Where")) {
		return defaults{}
	}
	d := defaults{after: []string{"local-fs-pre.target"}, before: []string{"umount.target"}}
	target := "local-fs.target"
	if isNetwork(u) {
		d.after, target = []string{"remote-fs-pre.target", "network.target", "network-online.target"}, "remote-fs.target"
	}
	if !hasOption(u, "nofail") {
		d.before = append(d.before, target)
	}
	if u.last("Mount", "Type") == "tmpfs" {
		d.after = append(d.after, "swap.target")
	}
	return d
}

// isExtrinsic tells whether something is there for as long as the system runs.
func isExtrinsic(where string) bool {
	return slices.Contains([]string{"/", "/usr", "/etc"}, where) ||
		slices.ContainsFunc([]string{"/run/initramfs", "/proc", "/sys", "/dev"}, func(above string) bool {
			return where == above || strings.HasPrefix(where, above+"/")
		})
}

func isNetwork(u *unit) bool {
	types := []string{
		"afs", "ceph", "cifs", "gfs", "gfs2", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs",
		"davfs", "glusterfs", "lustre", "sshfs", "fuse.glusterfs", "fuse.sshfs", "fuse.davfs", "fuse.ceph",
	}
	return hasOption(u, "_netdev") || slices.Contains(types, u.last("Mount", "Type"))
}

func hasOption(u *unit, option string) bool {
	return slices.Contains(strings.Split(u.last("Mount", "Options"), ","), option)
}

// addSlice puts a unit behind the slice that it is in.
func (g *Graph) addSlice(u *unit) {
	if slice, why := u.slice(); slice != "" {
		g.add(slice, u.name, why)
	}
}

// slice returns the slice that a unit is in, and why; "" for one that has no processes.
func (u *unit) slice() (string, Reason) {
	sections := map[string]string{
		"service": "Service", "socket": "Socket", "mount": "Mount", "swap": "Swap", "slice": "Slice", "scope": "Scope",
	}
	section, has := sections[kindOf(u.name)]
	if !has {
		return "", Reason{}
	}
	if words := u.units(section, "Slice"); len(words) > 0 {
		last := words[len(words)-1]
		return last.Text, Reason{Setting: "Slice", File: last.File}
	}
	return defaultSlice(u.name), rule("a unit comes after its slice")
}

func defaultSlice(name string) string {
	n := splitName(name)
	switch {
	case name == "-.slice":
		return ""
	case n.kind == "slice":
		if dash := strings.LastIndexByte(n.prefix, '-'); dash > 0 {
			return n.prefix[:dash] + ".slice"
		}
		return "-.slice"
	case name == "-.mount", name == "init.scope", isAPI(name):
		return "-.slice"
	case n.instance != "":
		return "system-" + unitgen.Escape(n.prefix) + ".slice"
	}
	return "system.slice"
}

// isAPI tells whether it is the mount of an interface of the kernel.
func isAPI(name string) bool {
	return kindOf(name) == "mount" && slices.ContainsFunc([]string{"dev-", "proc-", "sys-"}, func(above string) bool {
		return strings.HasPrefix(name, above)
	})
}

// addTriggers puts what starts a service before it.
func (g *Graph) addTriggers(u *unit) {
	if name := u.triggers(); name != "" {
		g.add(u.name, name, rule("a "+kindOf(u.name)+" comes before what it starts"))
	}
	for _, word := range u.units("Service", "Sockets") {
		g.add(word.Text, u.name, Reason{Setting: "Sockets", File: word.File})
	}
}

// addMountsFor puts a unit behind the mounts that a path is on.
func (g *Graph) addMountsFor(u *unit, file string, why Reason) {
	if !path.IsAbs(file) {
		return
	}
	for _, mount := range mountUnits(path.Clean(file)) {
		if g.Exists(mount) {
			g.add(mount, u.name, why)
		}
	}
}

// addParents puts a mount point behind the mounts above it.
func (g *Graph) addParents(u *unit, where string) {
	if where != "" && where != "/" {
		g.addMountsFor(u, path.Dir(where), rule("a mount point comes after the mount that it is on"))
	}
}

func (g *Graph) addMount(u *unit) {
	g.addParents(u, u.last("Mount", "Where"))
	if !isNetwork(u) || hasOption(u, "bind") || hasOption(u, "rbind") || hasOption(u, "loop") {
		g.addMountsFor(u, u.last("Mount", "What"), rule("a mount comes after the mount of what it mounts"))
	}
	if u.path != "" {
		g.addExecution(u, "Mount")
	}
}

func (g *Graph) addSwap(u *unit) {
	if what := u.last("Swap", "What"); !strings.HasPrefix(what, "/dev/") {
		why := rule("a swap comes after the mount of its file")
		g.addMountsFor(u, what, why)
		g.add("systemd-remount-fs.service", u.name, why)
	}
	g.addExecution(u, "Swap")
}

func (g *Graph) addSocket(u *unit) {
	for _, key := range []string{"ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenSpecial", "ListenMessageQueue"} {
		for _, word := range u.paths("Socket", key) {
			g.addMountsFor(u, word.Text, Reason{Setting: key, File: word.File})
		}
	}
	if slices.ContainsFunc([]string{"ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"}, func(key string) bool {
		return len(u.text.All("Socket", key)) > 0
	}) {
		g.addExecution(u, "Socket")
	}
}

// addDBus puts what has a name on the bus behind the bus.
func (g *Graph) addDBus(u *unit) {
	if u.text.Type() == "dbus" {
		g.add("dbus.socket", u.name, rule("a service of type dbus comes after the bus"))
	}
}
