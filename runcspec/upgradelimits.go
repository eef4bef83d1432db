package runcspec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities spells names as the kernel does, CAP_KILL, and drops those that it
// does not know: runc warns of them at every start, crun does not, and neither
// grants them. An ambient capability must be inheritable and permitted, or no
// runtime can raise it.
func (u *upgrader) capabilities(process *specs.Process, known []string) {
	if process == nil || process.Capabilities == nil {
		return
	}
	sets := process.Capabilities
	var dropped []string
	for _, set := range []*[]string{&sets.Bounding, &sets.Effective, &sets.Inheritable, &sets.Permitted, &sets.Ambient} {
		var kept []string
		for _, name := range *set {
			name = capabilityName(name)
			switch {
			case slices.Contains(kept, name):
			case len(known) == 0 || slices.Contains(known, name) || !isCapability(name):
				kept = append(kept, name)
			case !slices.Contains(dropped, name):
				dropped = append(dropped, name)
			}
		}
		if *set != nil {
			*set = append([]string{}, kept...)
		}
	}
	if len(dropped) > 0 {
		u.note("/process/capabilities", "%s dropped: this host does not have it", strings.Join(dropped, ", "))
	}
	for _, name := range sets.Ambient {
		if !slices.Contains(sets.Inheritable, name) || !slices.Contains(sets.Permitted, name) {
			u.note("/process/capabilities/ambient", "%s has no effect: it is not both permitted and inheritable", name)
		}
	}
}

func capabilityName(name string) string {
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "CAP_") {
		upper = "CAP_" + upper
	}
	if isCapability(upper) {
		return upper
	}
	return name // Check says what is wrong
}

// limits notes those that the host cannot give, so that the container does not start:
// runtimes say no more than that a limit was not permitted.
func (u *upgrader) limits(process *specs.Process, p Platform) {
	if process == nil {
		return
	}
	canRaise := len(p.Capabilities) == 0 || slices.Contains(p.Capabilities, "CAP_SYS_RESOURCE")
	for i, limit := range process.Rlimits {
		pointer := at("/process/rlimits", i) + "/hard"
		switch {
		case limit.Type == limitPrefix+"NOFILE" && p.MaxFiles > 0 && limit.Hard > p.MaxFiles:
			u.note(pointer, "%d open files are more than this host allows, which is %d (sysctl fs.nr_open): it will not start", limit.Hard, p.MaxFiles)
		case !canRaise:
			u.note(pointer, "services of this host may not raise limits (no CAP_SYS_RESOURCE): it will not start if %s is above that of its unit", limit.Type)
		}
	}
}

// resources drops what cgroup v2 does not have: crun refuses it. An empty access
// of a device rule, which runc refuses, stands for all of it.
func (u *upgrader) resources(r *specs.LinuxResources) {
	if r == nil {
		return
	}
	const v1 = "is dropped: cgroup v2 has no such limit"
	if r.Network != nil {
		r.Network = nil
		u.note("/linux/resources/network", "%s", v1)
	}
	if r.Memory != nil {
		u.memory(r.Memory, v1)
	}
	if r.CPU != nil && (r.CPU.RealtimePeriod != nil || r.CPU.RealtimeRuntime != nil) {
		r.CPU.RealtimePeriod, r.CPU.RealtimeRuntime = nil, nil
		u.note("/linux/resources/cpu/realtimeRuntime", "%s", v1)
	}
	if r.BlockIO != nil && r.BlockIO.LeafWeight != nil {
		r.BlockIO.LeafWeight = nil
		u.note("/linux/resources/blockIO/leafWeight", "%s", v1)
	}
	for i := range r.Devices {
		if r.Devices[i].Access == "" {
			r.Devices[i].Access = "rwm"
		}
	}
}

func (u *upgrader) memory(m *specs.LinuxMemory, reason string) {
	for _, setting := range []struct {
		name string
		is   bool
	}{
		//lint:ignore SA1019 this is about what is no more
		{"kernel", m.Kernel != nil},
		{"kernelTCP", m.KernelTCP != nil},
		{"swappiness", m.Swappiness != nil},
		{"disableOOMKiller", m.DisableOOMKiller != nil},
		{"useHierarchy", m.UseHierarchy != nil},
	} {
		if setting.is {
			u.note("/linux/resources/memory/"+setting.name, "%s", reason)
		}
	}
	//lint:ignore SA1019 this is about what is no more
	m.Kernel, m.KernelTCP, m.Swappiness = nil, nil, nil
	m.DisableOOMKiller, m.UseHierarchy = nil, nil
}
