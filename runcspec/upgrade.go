package runcspec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A Platform is what the host's kernel offers to its containers.
type Platform struct {
	Capabilities []string // those that a service can have; none when that is not known

	WithoutSELinux, WithoutAppArmor bool // the host certainly does not use it

	MaxFiles uint64 // that a process may have open at most, fs.nr_open; 0 when that is not known
}

// Upgrade fits a spec that was written for another host or an older runtime to
// this one, in place, and notes what it changed that somebody could miss. It makes
// the destinations of mounts absolute; spells capabilities as the kernel does and
// drops those that the host does not have; drops labels that no part of the host would
// understand, resources that only cgroup v1 had, and options of bind mounts that
// never meant anything and that runtimes have begun to refuse; and adds a /proc,
// without which runc does not start. A second call changes nothing and repeats
// the notes about what it left alone.
func Upgrade(spec *specs.Spec, p Platform) []Note {
	u := upgrader{}
	u.capabilities(spec.Process, p.Capabilities)
	u.labels(spec, p)
	u.limits(spec.Process, p)
	u.mounts(spec)
	if spec.Linux != nil {
		u.resources(spec.Linux.Resources)
		u.runtimes(spec.Linux)
	}
	return u.notes
}

type upgrader struct{ notes []Note }

func (u *upgrader) note(pointer, text string, args ...any) {
	u.notes = append(u.notes, Note{Pointer: pointer, Text: fmt.Sprintf(text, args...)})
}

// labels drops what would keep the container from starting: runtimes refuse a label
// that they cannot set.
func (u *upgrader) labels(spec *specs.Spec, p Platform) {
	drop := func(label *string, pointer, system string) {
		if *label != "" && *label != "unconfined" {
			u.note(pointer, "%q is dropped: the host has no %s", *label, system)
		}
		*label = ""
	}
	if p.WithoutSELinux && spec.Process != nil {
		drop(&spec.Process.SelinuxLabel, "/process/selinuxLabel", "SELinux")
	}
	if p.WithoutSELinux && spec.Linux != nil {
		drop(&spec.Linux.MountLabel, "/linux/mountLabel", "SELinux")
	}
	if p.WithoutAppArmor && spec.Process != nil {
		drop(&spec.Process.ApparmorProfile, "/process/apparmorProfile", "AppArmor")
	}
}

func (u *upgrader) mounts(spec *specs.Spec) {
	mounts := slices.Clone(spec.Mounts)
	for i := range mounts {
		m := &mounts[i]
		if m.Destination != "" && !path.IsAbs(m.Destination) {
			m.Destination = "/" + m.Destination
		}
		if isBind(*m) {
			u.bindOptions(m, at("/mounts", i)+"/options")
		}
		if insideProc(m.Destination) {
			u.note(at("/mounts", i)+"/destination", "runc refuses %s, which is in /proc; crun does not", m.Destination)
		}
	}
	u.hidden(mounts)
	if !slices.ContainsFunc(mounts, func(m specs.Mount) bool { return path.Join("/", m.Destination) == "/proc" }) {
		mounts = slices.Insert(mounts, 0, procMount())
	}
	spec.Mounts = mounts
}

// hidden notes mounts that nobody will see.
func (u *upgrader) hidden(mounts []specs.Mount) {
	for i, m := range mounts {
		for j, later := range mounts[i+1:] {
			if isBelow(path.Clean(m.Destination), path.Clean(later.Destination)) {
				u.note(at("/mounts", i), "is hidden by %s, which is mounted over it", at("/mounts", i+1+j))
				break
			}
		}
	}
}

// bindOptions splits options that are several, and drops what is none for a bind
// mount: the kernel ignores it, and runc refuses it since version 1.2.
func (u *upgrader) bindOptions(m *specs.Mount, pointer string) {
	options := []string{}
	for _, option := range m.Options {
		for part := range strings.SplitSeq(option, ",") {
			switch {
			case isFlag(part):
				options = append(options, part)
			case part != "":
				u.note(pointer, "%q is dropped: it means nothing for a bind mount, and runc 1.2 and later refuse it", part)
			}
		}
	}
	if m.Options != nil {
		m.Options = options
	}
}

// isFlag knows the options that are not passed on to a file system.
func isFlag(option string) bool {
	const flags = " acl async atime bind dev diratime dirsync exec idmap iversion lazytime loud mand noacl noatime nodev" +
		" nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private" +
		" ratime rbind rdev rdiratime relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec" +
		" rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave" +
		" rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync" +
		" tmpcopyup unbindable copy-symlink dest-nofollow src-nofollow " // the last three are crun's
	return option != "" && strings.Contains(flags, " "+option+" ")
}

// insideProc tells the destinations that runc takes for an attack.
func insideProc(destination string) bool {
	lxcfs := []string{
		"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat",
		"/proc/swaps", "/proc/uptime", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
	}
	p := path.Clean(destination)
	return p != "/proc" && isBelow(p, "/proc") && !slices.Contains(lxcfs, p)
}

// runtimes notes what works with some of the runtimes only.
func (u *upgrader) runtimes(linux *specs.Linux) {
	for i, ns := range linux.Namespaces {
		if ns.Type == specs.TimeNamespace {
			u.note(at("/linux/namespaces", i), "runc refuses a time namespace before version 1.2, crun before 1.9")
		}
	}
	if linux.Seccomp != nil && len(linux.Seccomp.Flags) > 0 {
		u.note("/linux/seccomp/flags", "runc refuses any before version 1.1.10")
	}
}
