package runcspec

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ImageOptions is what the config of an image leaves open.
type ImageOptions struct {
	Passwd, Group []byte            // the image's /etc/passwd and /etc/group; nil where there is none
	Volumes       []Volume          // where the image's volumes are kept; see Volumes
	Env           map[string]string // variables that the user sets
	Tmpfs         []string          // further paths that are writable and forgotten
	Binds         []specs.Mount     // of the user; see ParseBind
	Output        Output
}

// A Volume is a directory of the container that the host keeps.
type Volume struct {
	Destination string // in the container
	Source      string // on the host
}

// Output is what the standard output and error of a container are.
type Output int

// The kinds of output. Programs that open /dev/stdout by that name need a pipe: a
// socket cannot be opened.
const (
	OutputJournal Output = iota // the journal's socket itself
	OutputPipe                  // a pipe, whose content another process hands on
)

// OutputAnnotation says in config.json which kind of output the launcher gives the
// container: "pipe", or the journal's socket when there is no such annotation.
const OutputAnnotation = "io.github.syscontainer.output"

// FromImage makes the spec of an image that brings none: Entrypoint and Cmd, Env,
// User and WorkingDir as the image says, volumes as binds, the host's network, and
// all else as closed as a service bears: a read-only root, no new privileges, few
// capabilities for root and none for others, the default filter of system calls;
// writable but for the next start are /run, /tmp, /var/cache, /var/log and /var/tmp,
// with what the image has there. The result passes Check; ErrNoCommand is wrapped
// when there is nothing to run.
func FromImage(image imgspec.Image, o ImageOptions) (*specs.Spec, error) {
	args := slices.Concat(image.Config.Entrypoint, image.Config.Cmd)
	if len(args) == 0 {
		return nil, fmt.Errorf("making config.json: %w", ErrNoCommand)
	}
	who, err := lookUp(image.Config.User, o.Passwd, o.Group)
	if err != nil {
		return nil, err
	}
	capabilities := capabilities(who.user, image.Config.ExposedPorts)
	spec := &specs.Spec{
		Version: version,
		Process: &specs.Process{
			User:            who.user,
			Args:            args,
			Env:             environment(image.Config.Env, o.Env, who.home),
			Cwd:             path.Clean(cmp.Or(image.Config.WorkingDir, "/")),
			Capabilities:    capabilities,
			NoNewPrivileges: true,
		},
		Root:   &specs.Root{Path: rootDirectory, Readonly: true},
		Mounts: imageMounts(o),
		Linux:  hardenedLinux(),
	}
	spec.Linux.Seccomp = defaultSeccomp(image.Architecture, capabilities.Bounding)
	if o.Output == OutputPipe {
		spec.Annotations = map[string]string{OutputAnnotation: "pipe"}
	}
	if err := Check(spec); err != nil {
		return nil, fmt.Errorf("making config.json from the image's config: %w", err)
	}
	return spec, nil
}

// isSystemds tells the variables that are systemd's to set, and would mislead a program
// when an image sets them.
func isSystemds(setting string) bool {
	return isServices(setting) || strings.HasPrefix(setting, credentialsVariable+"=")
}

// environment returns the image's variables with those of the user in place of theirs
// or behind them, and before them what every engine adds: a PATH, and the HOME that
// the image's passwd knows.
func environment(image []string, user map[string]string, home string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + cmp.Or(home, "/")}
	env = withSettings(env, slices.DeleteFunc(slices.Clone(image), isSystemds))
	for _, name := range slices.Sorted(maps.Keys(user)) {
		env = withSettings(env, []string{name + "=" + user[name]})
	}
	return env
}

// withSettings returns an environment with settings in place of its own of the same name,
// or behind them.
func withSettings(env, settings []string) []string {
	env = slices.Clone(env)
	for _, setting := range settings {
		name, _, _ := strings.Cut(setting, "=")
		at := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if at < 0 {
			env = append(env, setting)
		} else {
			env[at] = setting
		}
	}
	return env
}

// imageMounts are the mounts of an image that names none. A later one may cover an
// earlier one; a tmpfs that a volume would cover is left out.
func imageMounts(o ImageOptions) []specs.Mount {
	mounts := slices.Concat(standardMounts(), writableMounts())
	for _, p := range o.Tmpfs {
		mounts = append(mounts, writable(p, "mode=1777"))
	}
	var binds []specs.Mount
	for _, v := range o.Volumes {
		binds = append(binds, specs.Mount{
			Destination: v.Destination,
			Type:        "bind",
			Source:      v.Source,
			Options:     []string{"rbind", "rw", "nosuid", "nodev"},
		})
	}
	binds = append(binds, o.Binds...)
	mounts = slices.DeleteFunc(mounts, func(m specs.Mount) bool {
		return m.Type == "tmpfs" && isMounted(binds, m.Destination)
	})
	return slices.Concat(mounts, resolverMounts(), binds)
}

// Volumes returns the paths of an image's volumes, sorted, without those that lie in
// another: what is in them is kept with it. It refuses what cannot be one.
func Volumes(image imgspec.Image) ([]string, error) {
	var volumes []string
	for _, volume := range slices.Sorted(maps.Keys(image.Config.Volumes)) {
		p := path.Clean(volume)
		if !path.IsAbs(volume) || p == "/" || isKernels(p) {
			return nil, fmt.Errorf("placing the image's volumes: %q cannot be a volume", volume)
		}
		volumes = append(volumes, p)
	}
	return Outermost(volumes), nil
}

// Outermost returns the clean paths that lie in none of the others, sorted, once each.
func Outermost(paths []string) []string {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return slices.ContainsFunc(paths, func(other string) bool { return other != p && isBelow(p, other) })
	})
}

// isKernels tells whether a path lies in a file system that the kernel fills.
func isKernels(p string) bool {
	return isBelow(p, "/proc") || isBelow(p, "/sys") || isBelow(p, "/dev")
}

// ParseBind reads SOURCE:DESTINATION or SOURCE:DESTINATION:OPTIONS, with options of
// config.json's bind mounts, such as ro, separated by commas.
func ParseBind(text string) (specs.Mount, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || !isCleanAbs(parts[0]) || !isCleanAbs(parts[1]) {
		return specs.Mount{}, fmt.Errorf("%q is not SOURCE:DESTINATION[:OPTIONS] with absolute paths in their shortest form", text)
	}
	m := specs.Mount{Destination: parts[1], Type: "bind", Source: parts[0], Options: []string{"rbind", "nosuid", "nodev"}}
	if len(parts) == 3 {
		for option := range strings.SplitSeq(parts[2], ",") {
			if !isFlag(option) {
				return specs.Mount{}, fmt.Errorf("%q: %q is not an option of a bind mount", text, option)
			}
			m.Options = append(m.Options, option)
		}
	}
	return m, nil
}

// hasLowPort tells whether a port is exposed that only root may listen on.
func hasLowPort(ports map[string]struct{}) bool {
	for port := range ports {
		number, _, _ := strings.Cut(port, "/")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 1024 {
			return true
		}
	}
	return false
}
