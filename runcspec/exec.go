package runcspec

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ExecOptions say in what a further process of a container differs from its own.
type ExecOptions struct {
	Args []string
	Env  []string // NAME=VALUE, in place of the container's or beside them
	Cwd  string   // "" for the container's
	// User is NAME|UID[:GROUP|GID] of the image's passwd and group; "" for the container's.
	User          string
	Passwd, Group []byte     // as in ImageOptions
	Terminal      *specs.Box // see GiveTerminal
}

// ExecProcess makes a further process for a container: as its own is, but for what the
// options say. It does not get what the service manager talks to the service with. As
// another user than root it has no capabilities; as root, where the container's own
// process is somebody else, those that the container may have at most.
func ExecProcess(spec *specs.Spec, o ExecOptions) (*specs.Process, error) {
	if spec.Process == nil {
		return nil, errors.New("making a process: config.json has none to begin with")
	}
	if len(o.Args) == 0 || o.Args[0] == "" {
		return nil, errors.New("making a process: there is no command")
	}
	p := *spec.Process
	p.Args, p.CommandLine = o.Args, ""
	GiveTerminal(&p, spec.Mounts, o.Terminal)
	p.Cwd = path.Join("/", cmp.Or(o.Cwd, p.Cwd))
	p.Env = slices.DeleteFunc(slices.Clone(p.Env), isServices)
	if o.User != "" {
		who, err := lookUp(o.User, o.Passwd, o.Group)
		if err != nil {
			return nil, err
		}
		p.Capabilities = capabilitiesAs(who.user.UID, p)
		p.User = who.user
		p.Env = withSettings(p.Env, []string{"HOME=" + cmp.Or(who.home, "/")})
	}
	for _, setting := range o.Env {
		if name, _, ok := strings.Cut(setting, "="); !ok || name == "" {
			return nil, errors.New("making a process: a setting of the environment is not of the form NAME=VALUE")
		}
	}
	p.Env = withSettings(p.Env, o.Env)
	if err := CheckUTF8(&p); err != nil {
		return nil, err
	}
	return &p, nil
}

// CheckUTF8 refuses arguments and variables that JSON cannot hold: others would arrive.
func CheckUTF8(p *specs.Process) error {
	invalid := func(s string) bool { return !utf8.ValidString(s) }
	if i := slices.IndexFunc(p.Args, invalid); i >= 0 {
		return fmt.Errorf("making a process: argument %d of its command is not valid UTF-8", i)
	}
	if i := slices.IndexFunc(p.Env, invalid); i >= 0 {
		name, _, _ := strings.Cut(p.Env[i], "=")
		return fmt.Errorf("making a process: the value of %q in its environment is not valid UTF-8", name)
	}
	return nil
}

// GiveTerminal gives a process a terminal of a size, or none where that is nil; neither does
// it where the container has no /dev/pts of which one could be: runtimes would not start it.
func GiveTerminal(p *specs.Process, mounts []specs.Mount, size *specs.Box) {
	if !slices.ContainsFunc(mounts, func(m specs.Mount) bool { return m.Type == "devpts" || isBind(m) && isBelow("/dev/pts", m.Destination) }) {
		size = nil
	}
	p.Terminal, p.ConsoleSize = size != nil, size
}

// isServices tells the variables that are meant for the main process of a service.
func isServices(setting string) bool {
	name, _, _ := strings.Cut(setting, "=")
	return slices.Contains(serviceVariables(), name)
}

// serviceVariables are those with which a service manager speaks to the process that it
// has started, and to no other; see sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3).
func serviceVariables() []string {
	return []string{
		notifyVariable, "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID",
		"WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM", "INVOCATION_ID", "SYSTEMD_EXEC_PID",
	}
}

// capabilitiesAs are those of a container's process that is to be another user.
func capabilitiesAs(uid uint32, p specs.Process) *specs.LinuxCapabilities {
	if p.Capabilities == nil || uid == p.User.UID {
		return p.Capabilities
	}
	bounding := p.Capabilities.Bounding
	if uid != 0 {
		return &specs.LinuxCapabilities{Bounding: bounding}
	}
	return &specs.LinuxCapabilities{Bounding: bounding, Effective: bounding, Permitted: bounding}
}
