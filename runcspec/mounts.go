package runcspec

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A BindSource is a path of the host that a container binds.
type BindSource struct {
	Path        string // absolute and clean
	Destination string // in the container

	// System marks what only the host itself can make: sockets, files such as
	// /etc/resolv.conf, and what is made when a service starts. When it is missing,
	// nothing must be made in its place.
	System bool
}

// A MountPoint is a path that must exist in the root file system, because the
// runtime would make it there.
type MountPoint struct {
	Path   string // absolute and clean; a symlink on the way is the root file system's
	Source string // what is bound there, if it is a path of the host; else ""

	// Dir is what to make: a directory or an empty file. With a Source it is a
	// guess from the name, for when there is no looking at the Source itself.
	Dir bool

	// Mode is the permissions to make it with. runc 1.1 gives a tmpfs those of the
	// directory below it, whatever its mode= says, so for one they are its mode.
	Mode fs.FileMode
}

// BindSources returns the host's paths that the container binds, in the order of
// the mounts, without repetitions. Sources relative to the bundle are not the
// host's.
func BindSources(spec *specs.Spec) []BindSource {
	var sources []BindSource
	for _, m := range spec.Mounts {
		source := hostSource(m)
		known := slices.ContainsFunc(sources, func(s BindSource) bool { return s.Path == source })
		if source != "" && !known {
			sources = append(sources, BindSource{
				Path:        source,
				Destination: m.Destination,
				System:      isSystemFile(source) || isOfService(source),
			})
		}
	}
	return sources
}

// MountPoints returns what the root file system must have: the destinations of
// the mounts in their order, but not those that lie in an earlier mount, and at
// last the working directory.
func MountPoints(spec *specs.Spec) []MountPoint {
	var points []MountPoint
	for i, m := range spec.Mounts {
		source := hostSource(m)
		if m.Destination != "/" && !isMounted(spec.Mounts[:i], m.Destination) {
			point := MountPoint{Path: m.Destination, Source: source, Dir: true, Mode: directoryMode(m)}
			if isSystemFile(source) {
				point.Dir, point.Mode = false, 0o644
			}
			points = append(points, point)
		}
	}
	if spec.Process == nil {
		return points
	}
	cwd := path.Join("/", spec.Process.Cwd)
	if cwd != "/" && !isMounted(spec.Mounts, cwd) {
		points = append(points, MountPoint{Path: cwd, Dir: true, Mode: 0o755})
	}
	return points
}

// directoryMode returns the permissions of the directory that a mount covers: for
// a tmpfs its own, which are 1777 if it does not say.
func directoryMode(m specs.Mount) fs.FileMode {
	if m.Type != "tmpfs" || isBind(m) {
		return 0o755
	}
	mode := uint64(0o1777)
	for _, option := range m.Options {
		if text, ok := strings.CutPrefix(option, "mode="); ok {
			if n, err := strconv.ParseUint(text, 8, 12); err == nil {
				mode = n
			}
		}
	}
	permissions := fs.FileMode(mode & 0o777)
	if mode&0o1000 != 0 {
		permissions |= fs.ModeSticky
	}
	return permissions
}

// IsMounted tells whether a clean path of the container is one that is mounted, or lies in
// one.
func IsMounted(spec *specs.Spec, p string) bool { return isMounted(spec.Mounts, p) }

// isMounted tells whether p is one of the mounts or lies in one.
func isMounted(mounts []specs.Mount, p string) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool { return isBelow(p, m.Destination) })
}

// hostSource returns the host's path that a mount binds, or "".
func hostSource(m specs.Mount) string {
	if !isBind(m) || !path.IsAbs(m.Source) {
		return ""
	}
	return path.Clean(m.Source)
}

func isBind(m specs.Mount) bool {
	return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// isSystemFile knows by name the files and sockets of every host that containers
// bind.
func isSystemFile(p string) bool {
	files := []string{
		NotifySocket, "/dev/log", "/etc/group", "/etc/hostname", "/etc/hosts", "/etc/localtime",
		"/etc/machine-id", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd",
		"/etc/resolv.conf", "/etc/timezone",
	}
	return slices.Contains(files, p) || strings.HasSuffix(p, ".sock")
}

// isOfService knows what is made for a service when it starts.
func isOfService(p string) bool {
	return isBelow(p, "/run/credentials") || isBelow(p, "/run/syscontainer")
}

// isBelow tells whether p is dir or lies in it. Both are clean.
func isBelow(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

func isCleanAbs(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p
}
