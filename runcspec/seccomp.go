package runcspec

import (
	"cmp"
	"slices"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultSeccomp is the filter of system calls that docker and containerd have for
// every container, for a machine of that GOARCH and a program with these capabilities.
// It asks for no kernel: every one with cgroup v2 is newer than the profile's rules
// want.
func defaultSeccomp(arch string, capabilities []string) *specs.LinuxSeccomp {
	profile := seccomp.DefaultProfile()
	native, seccompArch := seccompNames(cmp.Or(arch, "amd64"))
	filter := profile.LinuxSeccomp
	filter.Architectures = nil
	for _, a := range profile.ArchMap {
		if a.Arch == seccompArch {
			filter.Architectures = append([]specs.Arch{a.Arch}, a.SubArches...)
		}
	}
	filter.Syscalls = nil
	for _, rule := range profile.Syscalls {
		if applies(rule, native, capabilities) {
			filter.Syscalls = append(filter.Syscalls, rule.LinuxSyscall)
		}
	}
	return &filter
}

func applies(rule *seccomp.Syscall, arch string, capabilities []string) bool {
	has := func(name string) bool { return slices.Contains(capabilities, name) }
	lacks := func(name string) bool { return !has(name) }
	if in := rule.Includes; in != nil {
		if len(in.Arches) > 0 && !slices.Contains(in.Arches, arch) || slices.ContainsFunc(in.Caps, lacks) {
			return false
		}
	}
	if out := rule.Excludes; out != nil {
		return !slices.Contains(out.Arches, arch) && !slices.ContainsFunc(out.Caps, has) && out.MinKernel == nil
	}
	return true
}

// seccompNames are a GOARCH's names in the profile and in config.json.
func seccompNames(arch string) (string, specs.Arch) {
	switch arch {
	case "386":
		return "x86", specs.ArchX86
	case "amd64":
		return "amd64", specs.ArchX86_64
	case "arm":
		return "arm", specs.ArchARM
	case "arm64":
		return "arm64", specs.ArchAARCH64
	case "loong64":
		return "loongarch64", specs.ArchLOONGARCH64
	case "ppc64le":
		return "ppc64le", specs.ArchPPC64LE
	case "riscv64":
		return "riscv64", specs.ArchRISCV64
	case "s390x":
		return "s390x", specs.ArchS390X
	}
	return arch, ""
}
