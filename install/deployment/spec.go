package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// compileSpec plans config.json: the image's, as it is or rendered, or one made
// from what the image says of itself.
func (c *compiler) compileSpec(unit unitgen.Unit) (*specs.Spec, error) {
	cgroup, err := unit.CgroupPath(UnitName(c.Name))
	if err != nil {
		return nil, err
	}
	spec, err := c.spec(runcspec.Host{
		CgroupsPath: path.Join(cgroup, "container"),
		Bundle:      c.destDir(),
		Notify:      unit.Notifies(),
		Credentials: c.credentials(),
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.checkHooks(spec), c.checkWorkingDirectory(spec), c.passSockets(spec)); err != nil {
		return nil, err
	}
	data, err := runcspec.Marshal(spec)
	if err != nil {
		return nil, err
	}
	c.stageFile(ConfigFile, data, 0o600)
	return spec, nil
}

func (c *compiler) spec(host runcspec.Host) (*specs.Spec, error) {
	file := configVerbatim
	text, err := c.read(file)
	if err == nil && text == nil {
		file = configTemplate
		text, err = c.render(file, templates.JSON, nil)
	}
	if err != nil {
		return nil, err
	}
	if text == nil {
		return c.specOfImage(host)
	}
	spec, notes, err := runcspec.Compile(file, text, c.platform(), host)
	if err != nil {
		return nil, violationHints(fmt.Errorf("checking /%s of %s: %w", file, c.Image.Reference, err))
	}
	for _, note := range notes {
		c.warn("/%s of %s: %s", file, c.Image.Reference, note)
	}
	return spec, nil
}

// platform is what the host offers to containers, as far as it is known.
func (c *compiler) platform() runcspec.Platform {
	known := c.Facts.Host.Grantable
	if len(known) == 0 {
		known = c.Facts.Host.Capabilities
	}
	return runcspec.Platform{
		Capabilities:    known,
		MaxFiles:        c.Facts.Host.MaxFiles,
		WithoutSELinux:  !c.exists("/sys/fs/selinux/enforce") && !c.exists("/etc/selinux/config"),
		WithoutAppArmor: !c.exists("/sys/kernel/security/apparmor/profiles") && !c.exists("/etc/apparmor.d"),
	}
}

func (c *compiler) exists(hostPath string) bool {
	_, err := c.Facts.Tree.Stat(hostPath)
	return err == nil
}

// checkHooks refuses a spec whose hooks are neither on the host nor among the files
// that the image brings: without them the container does not start.
func (c *compiler) checkHooks(spec *specs.Spec) error {
	var errs []error
	for _, hook := range runcspec.Hooks(spec) {
		if !hook.OnHost || c.brings(hook.Path) {
			continue
		}
		if err := isProgram(c.Facts.Tree, hook.Path); err != nil {
			errs = append(errs, fmt.Errorf("checking the hooks of %s: %s: %w", c.Image.Reference, hook.Pointer, err))
		}
	}
	return errors.Join(errs...)
}

// checkWorkingDirectory refuses a working directory that is a file of the image. One that
// does not exist is made, and of one in a mount nothing is known.
func (c *compiler) checkWorkingDirectory(spec *specs.Spec) error {
	cwd := path.Join("/", spec.Process.Cwd)
	if cwd == "/" || runcspec.IsMounted(spec, cwd) {
		return nil
	}
	at, err := resolve(c.Files, cwd)
	if err != nil {
		return nil //nolint:nilerr // the root, which is a directory, or links without an end, on which the runtime has words
	}
	if info, err := fs.Stat(c.Files, strings.TrimPrefix(at, "/")); err == nil && !info.IsDir() {
		return fmt.Errorf("checking the working directory of %s: %s is not a directory", c.Image.Reference, cwd)
	}
	return nil
}

// brings reports whether a path of the host will lead to a file of the image: one
// for the host, under its new name, or one in the deployment.
func (c *compiler) brings(hostPath string) bool {
	if inside, ok := strings.CutPrefix(hostPath, path.Join(c.destDir(), RootfsDir)+"/"); ok {
		_, err := fs.Stat(c.Files, inside)
		return err == nil
	}
	found := false
	// What cannot be read, or renamed, is an error of compileHostFiles.
	_ = fs.WalkDir(c.Files, hostFilesTree, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipAll
		}
		target, err := c.manifest.Rename("/"+strings.TrimPrefix(strings.TrimPrefix(name, hostFilesTree), "/"), c.values)
		if found = err == nil && target == hostPath; found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// violationHints attaches the advice of the violations that err is about.
func violationHints(err error) error {
	var hints []string
	for _, v := range runcspec.Violations(err) {
		if v.Hint != "" && !slices.Contains(hints, v.Hint) {
			hints = append(hints, v.Hint)
		}
	}
	if len(hints) == 0 {
		return err
	}
	return hint.Add(err, "%s", strings.Join(hints, "\n"))
}
