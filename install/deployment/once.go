package deployment

import (
	"errors"
	"io/fs"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

// runOnceLabel is the label of images that are run once and not installed; its value is
// then "once".
const runOnceLabel = "atomic.run"

// RunsOnce tells the images that are made to be run once, in the foreground.
func (i Image) RunsOnce() bool { return i.Config.Config.Labels[runOnceLabel] == "once" }

// Once is what a container is given that runs once, in the foreground.
type Once struct {
	// Args stand for the image's Cmd or, where the image brings a config.json, for the
	// command line in it; nil for those themselves.
	Args []string
	// Terminal is the size of the one that the container has; nil for none.
	Terminal *specs.Box
	// Env is added to the environment, each NAME=VALUE.
	Env []string
}

// ScopeName is the unit in which a container runs that runs once.
func ScopeName(name string) string { return "syscontainer-run-" + name + ".scope" }

// CompileOnce plans a container that runs once: what Compile plans without anything that
// outlives it. There is no unit, and no host files. What an image declares as volumes is
// forgotten with the container. The record's files are the directories that the container
// binds and the host lacks, each after those above it.
func CompileOnce(in Input, once Once) (*Plan, error) {
	c := newCompiler(in)
	c.once = &once
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.checkValues(); err != nil {
		return nil, err
	}
	c.begin()
	if err := c.compileOnce(); err != nil {
		return nil, err
	}
	c.warnUnused()
	return c.plan, nil
}

func (c *compiler) compileOnce() error {
	if c.manifest.NoContainerService {
		return errors.New("the image only brings files for the host: there is no container to run")
	}
	runtime, err := c.checkPrograms()
	if err != nil {
		return err
	}
	c.plan.To.Runtime = runtime
	if len(c.once.Args) > 0 { // of an image that brings a config.json, see below
		c.Image.Config.Config.Cmd = c.once.Args
	}
	directory := path.Join(c.destDir(), credentialsDir)
	host := runcspec.Host{CgroupsPath: "/system.slice/" + ScopeName(c.Name) + "/container", Bundle: c.destDir()}
	if len(c.secrets) > 0 {
		host.Credentials = runcspec.Credentials{Directory: directory, Copy: directory}
	}
	spec, err := c.spec(host)
	if err != nil {
		return err
	}
	plain, err := c.isPlain()
	if err := errors.Join(err, c.checkStorable(), c.checkHooks(spec), c.checkWorkingDirectory(spec)); err != nil {
		return err
	}
	if len(c.once.Args) > 0 && !plain {
		spec.Process.Args = c.once.Args
	}
	spec.Process.Env = append(spec.Process.Env, c.once.Env...)
	runcspec.GiveTerminal(spec.Process, spec.Mounts, c.once.Terminal)
	if err := runcspec.CheckUTF8(spec.Process); err != nil {
		return err
	}
	return c.stageOnce(spec)
}

func (c *compiler) stageOnce(spec *specs.Spec) error {
	data, err := runcspec.Marshal(spec)
	if err != nil {
		return err
	}
	c.stageFile(ConfigFile, data, 0o600)
	for _, name := range c.secretNames() {
		c.stageFile(path.Join(credentialsDir, name), []byte(c.secrets[name]), 0o600)
	}
	c.plan.To.MountPoints = c.mountPoints(spec)
	for _, source := range c.missingSources(runcspec.BindSources(spec)) {
		if source.Path != path.Join(c.destDir(), credentialsDir) {
			c.addMissing(source.Path)
		}
	}
	return nil
}

// addMissing adds a directory that the host lacks to the files of the record, behind those
// above it.
func (c *compiler) addMissing(dir string) {
	if _, err := c.Facts.Tree.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, there := c.plan.To.File(dir); there {
		return
	}
	c.addMissing(path.Dir(dir))
	c.plan.To.Files = append(c.plan.To.Files, HostFile{Path: dir, Kind: Directory, Mode: 0o755})
}
