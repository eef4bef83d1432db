package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Variables with which a user fits an image that knows nothing of us to the host. All
// others that are set and that are not ours are the container's environment.
const (
	tmpfsVariable  = "CONTAINER_TMPFS"  // paths, separated by spaces
	bindsVariable  = "CONTAINER_BINDS"  // SOURCE:DESTINATION[:OPTIONS], separated by spaces
	outputVariable = "CONTAINER_OUTPUT" // journal or pipe
)

// isPlain reports whether the image says nothing of how it is to run on a host, so
// that its configuration is made from what its own says.
func (c *compiler) isPlain() (bool, error) {
	for _, name := range []string{configVerbatim, configTemplate} {
		if _, err := fs.Stat(c.Files, name); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// defaultService is the unit of an image that brings none.
func (c *compiler) defaultService() ([]byte, error) {
	plain, err := c.isPlain()
	if plain {
		return templates.PlainService(), err
	}
	return templates.DefaultService(), err
}

// specOfImage makes the configuration of a plain image.
func (c *compiler) specOfImage(host runcspec.Host) (*specs.Spec, error) {
	options, err := c.imageOptions()
	if err != nil {
		return nil, fmt.Errorf("making a configuration for %s: %w", c.Image.Reference, err)
	}
	spec, err := runcspec.FromImage(c.Image.Config, options)
	if err == nil {
		err = errors.Join(runcspec.Adapt(spec, host), runcspec.Check(spec))
	}
	if err != nil {
		return nil, violationHints(fmt.Errorf("making a configuration for %s: %w", c.Image.Reference, err))
	}
	return spec, nil
}

func (c *compiler) imageOptions() (runcspec.ImageOptions, error) {
	var o runcspec.ImageOptions
	var errs [5]error
	o.Passwd, o.Group, errs[0] = Accounts(c.Files)
	o.Binds, errs[1] = c.userBinds()
	o.Tmpfs, errs[2] = c.userTmpfs()
	if c.once != nil {
		errs[3] = c.forgetVolumes(&o)
	} else {
		errs[3] = c.placeVolumes(&o)
		o.Output, errs[4] = c.output()
	}
	o.Env = c.userEnv()
	return o, errors.Join(errs[:]...)
}

// Accounts are an image's own /etc/passwd and /etc/group, nil where there is none.
func Accounts(files fs.FS) (passwd, group []byte, err error) {
	read := func(name string) []byte {
		data, readErr := fs.ReadFile(files, name)
		if !errors.Is(readErr, fs.ErrNotExist) {
			err = errors.Join(err, readErr)
		}
		return data
	}
	return read("etc/passwd"), read("etc/group"), err
}

// userEnv is the environment that the user sets.
func (c *compiler) userEnv() map[string]string {
	env := map[string]string{}
	for name, value := range c.set {
		c.used = append(c.used, name)
		if !hasHostDefault(name) && !slices.Contains([]string{tmpfsVariable, bindsVariable, outputVariable}, name) {
			env[name] = value
		}
	}
	return env
}

func (c *compiler) userTmpfs() ([]string, error) {
	var errs []error
	paths := strings.Fields(c.set[tmpfsVariable])
	for _, p := range paths {
		if !path.IsAbs(p) || path.Clean(p) != p || p == "/" {
			errs = append(errs, fmt.Errorf("--set %s: %q is not an absolute path in its shortest form", tmpfsVariable, p))
		}
	}
	return paths, errors.Join(errs...)
}

func (c *compiler) userBinds() ([]specs.Mount, error) {
	var binds []specs.Mount
	var errs []error
	for _, text := range strings.Fields(c.set[bindsVariable]) {
		m, err := runcspec.ParseBind(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--set %s: %w", bindsVariable, err))
		}
		binds = append(binds, m)
	}
	return binds, errors.Join(errs...)
}

// output decides what the container's output is: a pipe where the image has files
// that lead to it by name.
func (c *compiler) output() (runcspec.Output, error) {
	switch value, set := c.set[outputVariable]; {
	case value == "journal":
		return runcspec.OutputJournal, nil
	case value == "pipe":
		return runcspec.OutputPipe, nil
	case set:
		return 0, fmt.Errorf("--set %s: %q is neither journal nor pipe", outputVariable, value)
	}
	found := runcspec.OutputJournal
	err := fs.WalkDir(c.Files, "var/log", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return fs.SkipAll
		}
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := fs.ReadLink(c.Files, name)
		if slices.Contains([]string{"/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/proc/self/fd/2"}, target) {
			found = runcspec.OutputPipe
			return fs.SkipAll
		}
		return err
	})
	return found, err
}

// volumes are where the image wants directories of the host, each where the image's links
// lead.
func (c *compiler) volumes() ([]string, error) {
	paths, err := runcspec.Volumes(c.Image.Config)
	if err != nil {
		return nil, err
	}
	for i, p := range paths {
		if paths[i], err = resolve(c.Files, p); err != nil {
			return nil, fmt.Errorf("placing the volume %s: %w", p, err)
		}
	}
	return runcspec.Outermost(paths), nil
}

// placeVolumes gives the volumes directories of the host, and plans the lines of
// tmpfiles.d that begin each with what the image has there.
func (c *compiler) placeVolumes(o *runcspec.ImageOptions) error {
	paths, err := c.volumes()
	for _, p := range paths {
		v := runcspec.Volume{Destination: p, Source: path.Join(c.values["STATE_DIRECTORY"], c.Name, p)}
		o.Volumes = append(o.Volumes, v)
		c.kept = append(c.kept, unitgen.Source{Path: v.Source, CopyOf: path.Join(c.destDir(), RootfsDir, p)})
	}
	return err
}

// forgetVolumes keeps the volumes in memory: they begin with what the image has there, and
// end with the container.
func (c *compiler) forgetVolumes(o *runcspec.ImageOptions) error {
	paths, err := c.volumes()
	for _, p := range paths {
		options := []string{"nosuid", "nodev", "tmpcopyup"}
		if info, err := fs.Stat(c.Files, strings.TrimPrefix(p, "/")); err == nil {
			options = append(options, fmt.Sprintf("mode=%04o", uint32(ModeOf(info.Mode()))))
			if owner, ok := info.Sys().(Owner); ok {
				uid, gid := owner.Owner()
				options = append(options, fmt.Sprintf("uid=%d", uid), fmt.Sprintf("gid=%d", gid))
			}
		}
		o.Binds = append(o.Binds, specs.Mount{Destination: p, Type: "tmpfs", Source: "tmpfs", Options: options})
	}
	return err
}

// maxLinks is how many symlinks a path may pass, as in the kernel.
const maxLinks = 40

// resolve follows the symlinks of a clean absolute path within the image. What is not
// there ends the path as it is. Without it, a link of the image to a directory of the
// host would make that the volume.
func resolve(files fs.FS, p string) (string, error) {
	resolved, rest := "/", p
	for links := 0; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		next := path.Join(resolved, name) // up as well, from where the links before have led
		target, err := fs.ReadLink(files, strings.TrimPrefix(next, "/"))
		if name == "" || name == "." || name == ".." || err != nil { // no link, or nothing at all
			resolved = next
			continue
		}
		if links++; links > maxLinks {
			return "", errors.New("too many symbolic links")
		}
		if path.IsAbs(target) {
			resolved = "/"
		}
		rest = target + "/" + rest
	}
	if resolved == "/" {
		return "", errors.New("it leads to the image's root")
	}
	return resolved, nil
}
