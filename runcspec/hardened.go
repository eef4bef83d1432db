package runcspec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// capabilities returns what an image's program may do beyond others. One that
// runs as root keeps what it takes to prepare its directories, to listen on any
// port and to become somebody else; another has asked for nothing.
func capabilities(user specs.User) *specs.LinuxCapabilities {
	if user.UID != 0 {
		return &specs.LinuxCapabilities{}
	}
	few := []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL",
		"CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
	}
	return &specs.LinuxCapabilities{Bounding: few, Effective: few, Permitted: few}
}

// hardenedLinux has namespaces of every kind but those of the network and of
// users: a system service listens on the host's addresses, and its files are
// checked out with the owners that they have in the image.
func hardenedLinux() *specs.Linux {
	return &specs.Linux{
		Resources: &specs.LinuxResources{
			Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
		},
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
		{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=0755"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777"}},
	}
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
