package runcspec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const (
	// NotifySocket is where a container that speaks the sd_notify protocol finds
	// the host's socket: at the same path as on the host.
	NotifySocket = "/run/systemd/notify"

	notifyVariable      = "NOTIFY_SOCKET"
	credentialsVariable = "CREDENTIALS_DIRECTORY"
	rootDirectory       = "rootfs"
)

// A Host is what a container's config.json must know of the host that runs it.
type Host struct {
	CgroupsPath string // the control group to run in, absolute below the mount of cgroup2
	Bundle      string // the directory of config.json and rootfs as templates name it; "" when they cannot
	Notify      bool   // the container itself reports readiness; else the launcher does it
	Credentials Credentials
}

// Credentials say where on the host the secrets of a container are. The zero value
// is a container without any.
type Credentials struct {
	Directory string // what root alone can read; the container has it at the same path
	Copy      string // the same for the container's user, if that is not root
}

// Adapt fits a spec to its host and to us, in place. It sets the control group;
// gives the notification socket to a container that uses it and takes
// NOTIFY_SOCKET from one that does not; gives it its credentials, if there are
// any, read-only and with CREDENTIALS_DIRECTORY; shortens destinations such as /data/ and a
// root.path of Bundle/rootfs; gives bind mounts the option without which runc 1.1
// does not take them; and adds a /dev where there is none, because the runtime
// would make device nodes in the checkout. What the template has already
// is not added again, and a second call changes nothing.
func Adapt(spec *specs.Spec, h Host) error {
	if !isCleanAbs(h.CgroupsPath) || h.CgroupsPath == "/" {
		return fmt.Errorf("adapting config.json: control group %q is not an absolute path", h.CgroupsPath)
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	spec.Linux.CgroupsPath = h.CgroupsPath
	adaptRoot(spec.Root, h.Bundle)
	spec.Mounts = adaptMounts(spec.Mounts)
	if h.Notify {
		giveNotify(spec)
	} else {
		takeNotify(spec)
	}
	adaptCredentials(spec, h.Credentials)
	return nil
}

// RunsAsRoot tells whether the container's program begins as the host's root user.
func RunsAsRoot(spec *specs.Spec) bool {
	if spec.Process == nil {
		return true
	}
	return spec.Process.User.UID == 0 && (spec.Linux == nil || len(spec.Linux.UIDMappings) == 0)
}

// adaptCredentials shows the container its credentials. Where it sees the host's
// directory already, no mount is made, for the reason that hostPath has.
func adaptCredentials(spec *specs.Spec, c Credentials) {
	if c.Directory == "" {
		return
	}
	source, seen := c.Directory, c.Directory
	if !RunsAsRoot(spec) {
		source = c.Copy
	}
	switch source {
	case hostPath(spec.Mounts, source):
		seen = source
	case hostPath(spec.Mounts, seen):
	default:
		spec.Mounts = append(spec.Mounts, specs.Mount{
			Destination: seen,
			Type:        "bind",
			Source:      source,
			Options:     []string{"bind", "ro", "nosuid", "nodev", "noexec"},
		})
	}
	if spec.Process != nil {
		spec.Process.Env = slices.DeleteFunc(slices.Clone(spec.Process.Env), func(e string) bool {
			return strings.HasPrefix(e, credentialsVariable+"=")
		})
		spec.Process.Env = append(spec.Process.Env, credentialsVariable+"="+seen)
	}
}

func adaptRoot(root *specs.Root, bundle string) {
	if root == nil {
		return
	}
	cleaned := path.Clean(root.Path)
	if cleaned == rootDirectory || path.IsAbs(bundle) && cleaned == path.Join(bundle, rootDirectory) {
		root.Path = rootDirectory
	}
}

func adaptMounts(mounts []specs.Mount) []specs.Mount {
	mounts = slices.Clone(mounts)
	for i, m := range mounts {
		if path.IsAbs(m.Destination) && !slices.Contains(strings.Split(m.Destination, "/"), "..") {
			mounts[i].Destination = path.Clean(m.Destination)
		}
		if m.Type == "bind" && !slices.Contains(m.Options, "bind") && !slices.Contains(m.Options, "rbind") {
			mounts[i].Options = slices.Concat([]string{"bind"}, m.Options)
		}
	}
	if !slices.ContainsFunc(mounts, func(m specs.Mount) bool { return m.Destination == "/dev" }) {
		// First, so that it hides no mount of the template below /dev.
		mounts = slices.Insert(mounts, 0, devMount())
	}
	return mounts
}

// giveNotify shows the container the notification socket and says where it is: where the
// variable stands already, or behind all others.
func giveNotify(spec *specs.Spec) {
	if spec.Process != nil {
		setting := notifyVariable + "=" + NotifySocket
		at := slices.Index(spec.Process.Env, setting)
		takeNotify(spec)
		if at < 0 || at > len(spec.Process.Env) {
			at = len(spec.Process.Env)
		}
		spec.Process.Env = slices.Insert(spec.Process.Env, at, setting)
	}
	if hostPath(spec.Mounts, NotifySocket) != NotifySocket {
		spec.Mounts = append(spec.Mounts, specs.Mount{
			Destination: NotifySocket,
			Type:        "bind",
			Source:      NotifySocket,
			Options:     []string{"bind", "nosuid", "nodev", "noexec"},
		})
	}
}

// takeNotify takes the variable from a container that is not to use the socket.
func takeNotify(spec *specs.Spec) {
	if spec.Process != nil {
		spec.Process.Env = slices.DeleteFunc(slices.Clone(spec.Process.Env), func(e string) bool {
			return strings.HasPrefix(e, notifyVariable+"=")
		})
	}
}

// hostPath returns which path of the host a path of the container shows, as far
// as names tell, or "" when it is not in a bind mount. A later mount hides the
// earlier ones. A socket that is visible already must not be mounted again: below
// a shared /run the mount would spread to the host.
func hostPath(mounts []specs.Mount, p string) string {
	for _, m := range slices.Backward(mounts) {
		if !isBelow(p, m.Destination) {
			continue
		}
		if !isBind(m) || !path.IsAbs(m.Source) {
			return ""
		}
		return path.Join(m.Source, strings.TrimPrefix(p, m.Destination))
	}
	return ""
}

// HostIDs are the host's user and group for those that the container's program begins as.
func HostIDs(spec *specs.Spec) (uid, gid int) {
	if spec.Process == nil {
		return 0, 0
	}
	uid, gid = int(spec.Process.User.UID), int(spec.Process.User.GID)
	if spec.Linux != nil {
		uid, gid = hostID(uid, spec.Linux.UIDMappings), hostID(gid, spec.Linux.GIDMappings)
	}
	return uid, gid
}

func hostID(id int, mappings []specs.LinuxIDMapping) int {
	for _, m := range mappings {
		if offset := id - int(m.ContainerID); offset >= 0 && offset < int(m.Size) {
			return int(m.HostID) + offset
		}
	}
	return id
}
