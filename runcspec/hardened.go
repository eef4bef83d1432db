package runcspec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// capabilities returns what an image's program may do beyond others. One that runs
// as root has what podman gives it; another has asked for nothing, and gets at most
// the right to listen on the low port that its image exposes, without which it could
// not do its work.
func capabilities(user specs.User, ports map[string]struct{}) *specs.LinuxCapabilities {
	if user.UID == 0 {
		few := []string{
			"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
			"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
		}
		return &specs.LinuxCapabilities{Bounding: few, Effective: few, Permitted: few}
	}
	if hasLowPort(ports) {
		listen := []string{"CAP_NET_BIND_SERVICE"}
		return &specs.LinuxCapabilities{
			Bounding: listen, Effective: listen, Inheritable: listen, Permitted: listen, Ambient: listen,
		}
	}
	return &specs.LinuxCapabilities{}
}

// hardenedLinux has namespaces of every kind but those of the network and of
// users: a system service listens on the host's addresses, and its files are
// checked out with the owners that they have in the image. Devices are its unit's
// concern, whichever the runtime.
func hardenedLinux() *specs.Linux {
	return &specs.Linux{
		Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace},
			{Type: specs.IPCNamespace},
			{Type: specs.UTSNamespace},
			{Type: specs.MountNamespace},
		},
		MaskedPaths: []string{
			"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
			"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
			"/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
		},
		ReadonlyPaths: []string{
			"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
		},
	}
}

func standardMounts() []specs.Mount {
	kernel := []string{"nosuid", "noexec", "nodev"}
	return []specs.Mount{
		procMount(),
		devMount(),
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{
			"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
		}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: with(kernel, "mode=1777")},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: kernel},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: with(kernel, "ro")},
	}
}

// writableMounts are where programs write what they do not mind to lose. They begin
// with what the image has there: directories with their owners, mostly.
func writableMounts() []specs.Mount {
	return []specs.Mount{
		writable("/run", "mode=0755"),
		writable("/tmp", "mode=1777"),
		writable("/var/cache", "mode=0755"),
		writable("/var/log", "mode=0755"),
		writable("/var/tmp", "mode=1777"),
	}
}

func writable(p, mode string) specs.Mount {
	return specs.Mount{Destination: p, Type: "tmpfs", Source: "tmpfs", Options: []string{
		"nosuid", "nodev", mode, "tmpcopyup",
	}}
}

// resolverMounts show the container the host's idea of the network that it uses.
func resolverMounts() []specs.Mount {
	return []specs.Mount{hostFile("/etc/resolv.conf"), hostFile("/etc/hosts")}
}

func procMount() specs.Mount {
	return specs.Mount{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}}
}

func devMount() specs.Mount {
	return specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{
		"nosuid", "strictatime", "mode=0755", "size=65536k",
	}}
}

func hostFile(p string) specs.Mount {
	return specs.Mount{Destination: p, Type: "bind", Source: p, Options: []string{
		"bind", "ro", "nosuid", "nodev", "noexec",
	}}
}

func with(options []string, more ...string) []string {
	return append(options[:len(options):len(options)], more...)
}
