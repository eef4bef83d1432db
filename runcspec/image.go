package runcspec

import (
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
	// VolumeDir is the directory of the host below which the image's volumes are
	// kept, each at its own path: VolumeDir/var/lib/redis for /var/lib/redis.
	// It may be "" for an image without volumes.
	VolumeDir string
}

// FromImage makes the spec of an image that brings none: Entrypoint and Cmd, Env,
// User and WorkingDir as the image says, Volumes as binds, the host's network, and
// all else as closed as a service bears: a read-only root, no new privileges, few
// capabilities for root and none for others, tmpfs on /run and /tmp. The result
// passes Check; ErrNoCommand is wrapped when there is nothing to run.
func FromImage(image imgspec.Image, o ImageOptions) (*specs.Spec, error) {
	user, err := parseUser(image.Config.User)
	if err != nil {
		return nil, err
	}
	volumes, err := volumeMounts(image.Config.Volumes, o.VolumeDir)
	if err != nil {
		return nil, err
	}
	args := slices.Concat(image.Config.Entrypoint, image.Config.Cmd)
	if len(args) == 0 {
		return nil, fmt.Errorf("making config.json: %w", ErrNoCommand)
	}
	spec := &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			User:            user,
			Args:            args,
			Env:             environment(image.Config.Env),
			Cwd:             workingDir(image.Config.WorkingDir),
			Capabilities:    capabilities(user),
			NoNewPrivileges: true,
		},
		Root:   &specs.Root{Path: rootDirectory, Readonly: true},
		Mounts: slices.Concat(standardMounts(), volumes, resolverMounts()),
		Linux:  hardenedLinux(),
	}
	if err := Check(spec); err != nil {
		return nil, fmt.Errorf("making config.json from the image's config: %w", err)
	}
	return spec, nil
}

// parseUser reads "uid" or "uid:gid". The group of a uid alone is 0, as with every
// engine for a uid that the image's passwd does not list.
func parseUser(s string) (specs.User, error) {
	if s == "" {
		return specs.User{}, nil
	}
	uidText, gidText, hasGroup := strings.Cut(s, ":")
	uid, err := parseID(uidText)
	if err != nil {
		return specs.User{}, fmt.Errorf("reading the image's User %q: %w", s, err)
	}
	if !hasGroup {
		return specs.User{UID: uid}, nil
	}
	gid, err := parseID(gidText)
	if err != nil {
		return specs.User{}, fmt.Errorf("reading the image's User %q: %w", s, err)
	}
	return specs.User{UID: uid, GID: gid}, nil
}

func parseID(s string) (uint32, error) {
	const last = 1<<31 - 1 // runc takes no higher one
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > last {
		return 0, fmt.Errorf("%q is not a number from 0 to %d; names are not supported", s, last)
	}
	return uint32(n), nil
}

// environment returns the image's variables, with the PATH that every engine adds.
func environment(env []string) []string {
	if slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		return slices.Clone(env)
	}
	return append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
}

func workingDir(dir string) string {
	if dir == "" {
		return "/"
	}
	return path.Clean(dir)
}

// volumeMounts binds every volume of the image to its place below dir, parents
// before what lies in them.
func volumeMounts(volumes map[string]struct{}, dir string) ([]specs.Mount, error) {
	if len(volumes) > 0 && !path.IsAbs(dir) {
		return nil, fmt.Errorf("placing the image's volumes: %q is not an absolute path", dir)
	}
	var mounts []specs.Mount
	for _, volume := range slices.Sorted(maps.Keys(volumes)) {
		destination := path.Clean(volume)
		if !path.IsAbs(volume) || destination == "/" || isKernels(destination) {
			return nil, fmt.Errorf("placing the image's volumes: %q cannot be a volume", volume)
		}
		mounts = append(mounts, specs.Mount{
			Destination: destination,
			Type:        "bind",
			Source:      path.Join(dir, destination),
			Options:     []string{"rbind", "rw", "nosuid", "nodev"},
		})
	}
	slices.SortFunc(mounts, func(a, b specs.Mount) int { return strings.Compare(a.Destination, b.Destination) })
	return slices.CompactFunc(mounts, func(a, b specs.Mount) bool { return a.Destination == b.Destination }), nil
}

// isKernels tells whether a path lies in a file system that the kernel fills.
func isKernels(p string) bool {
	return isBelow(p, "/proc") || isBelow(p, "/sys") || isBelow(p, "/dev")
}
