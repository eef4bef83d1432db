package install

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// compiler turns an image and a request into a plan. It reads the image and the
// host and changes neither.
type compiler struct {
	// What a plan depends on, and nothing else.
	name  string // of the container
	image Image
	files fs.FS // of the image
	req   Request
	facts facts

	// What is found on the way.
	set      map[string]string // by the user, without secrets
	secrets  map[string]string // by the user, never in a template
	manifest templates.Manifest
	values   templates.Values
	used     []string     // variables that the image's templates use
	unit     unitgen.Unit // as the image wants it; empty without a container service
	// templated are the host files, after renaming, that are templates.
	templated []string
	entries   []HostFile       // that the deployment wants on the host
	members   []member         // the units beside the service
	aliases   []string         // other names that units ask for
	kept      []unitgen.Source // volumes of the container
	plan      *Plan
}

// compile plans the installation of a new deployment, without touching anything.
func (c *compiler) compile() (*Plan, error) {
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.checkValues(); err != nil {
		return nil, err
	}
	if err := c.build(); err != nil {
		return nil, err
	}
	c.warnUnused()
	return c.plan, nil
}

// prepare reads what the image says of itself and gives the variables their values.
func (c *compiler) prepare() error {
	c.set = c.req.setValues()
	if err := c.readManifest(); err != nil {
		return err
	}
	c.takeSecrets()
	return c.mergeValues()
}

// build makes the plan of values that are known.
func (c *compiler) build() error {
	c.begin()
	// The steps are independent enough that the user sees all that is wrong at once.
	if err := errors.Join(c.compileUnits(), c.compileService(), c.compileHostFiles()); err != nil {
		return err
	}
	if err := c.checkUnits(c.unit); err != nil {
		return err
	}
	return c.compileEntries()
}

func (c *compiler) begin() {
	c.plan = &Plan{To: &Record{
		Version:    recordVersion,
		Name:       c.name,
		Deployment: c.facts.deployment,
		Created:    c.facts.now,
		Image:      ImageRef{Given: c.req.Image, Reference: c.image.Reference, Digest: c.image.Digest.String(), Commit: c.image.Commit},
		Values:     c.set,
		Secrets:    c.secretNames(),
		Generated:  c.facts.generated,
		Relations:  c.req.Relations,
		Files:      []HostFile{},
	}}
	for _, key := range c.manifest.UnknownKeys {
		c.warn("%s: %s has the unknown key %q, which is ignored", c.image.Reference, manifestFile, key)
	}
	c.warnValues()
}

func (c *compiler) warn(format string, args ...any) {
	c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf(format, args...))
}

// compileService plans the container and its unit.
func (c *compiler) compileService() error {
	if c.manifest.NoContainerService {
		return c.errNoContainer()
	}
	unit, unitText, err := c.serviceUnit()
	if err != nil {
		return err
	}
	c.unit = unit
	c.plan.To.Unit = unitName(c.name)
	c.addFile(unitPath(c.name), unitName(c.name), unitText, 0o644)
	if unit.Runs(LauncherPath) {
		return c.compileContainer(unit)
	}
	if len(c.secrets) > 0 {
		return c.errNoContainer()
	}
	return c.compileTmpfiles(nil)
}

// compileContainer plans what a unit that runs a container needs beside itself.
func (c *compiler) compileContainer(unit unitgen.Unit) error {
	if err := c.checkExecStart(); err != nil {
		return err
	}
	runtime, err := c.checkPrograms()
	if err != nil {
		return err
	}
	c.plan.To.Runtime = runtime
	c.plan.To.PIDFile = c.values["PIDFILE"]
	spec, err := c.compileSpec(unit)
	if err != nil {
		return err
	}
	c.plan.MountPoints = c.mountPoints(spec)
	return errors.Join(c.compileDropIn(unit, spec), c.compileTmpfiles(runcspec.BindSources(spec)))
}

// mountPoints are those of the spec, each a file where the host has a file to
// bind there.
func (c *compiler) mountPoints(spec *specs.Spec) []runcspec.MountPoint {
	points := runcspec.MountPoints(spec)
	for i, point := range points {
		if point.Source == "" {
			continue
		}
		if info, err := c.facts.tree.Stat(point.Source); err == nil {
			points[i].Dir = info.IsDir()
		}
	}
	return points
}

func (c *compiler) compileDropIn(unit unitgen.Unit, spec *specs.Spec) error {
	d := unitgen.DropInSpec{
		Name:      c.name,
		DeployDir: c.destDir(),
		Runtime:   c.plan.To.Runtime,
		Unit:      unit,
		After:     c.req.Relations.After,
		Before:    c.req.Relations.Before,
		Requires:  c.req.Relations.Requires,
		Wants:     c.req.Relations.Wants,
	}
	if _, says := unit.Last("Service", "KillSignal"); !says {
		d.KillSignal = c.image.Config.Config.StopSignal
	}
	c.addCredentials(&d, spec)
	text, err := unitgen.DropIn(d)
	if err != nil {
		return fmt.Errorf("making the drop-in of %s: %w", unitName(c.name), err)
	}
	c.addFile(dropInPath(c.name), dropInFile, text, 0o644)
	return nil
}

// compileTmpfiles plans the tmpfiles.d file: the image's own, or one that makes
// the bind sources that the host lacks, and the volumes.
func (c *compiler) compileTmpfiles(binds []runcspec.BindSource) error {
	text, err := c.render(tmpfilesTemplate, templates.Tmpfiles, nil)
	if err != nil {
		return err
	}
	if text == nil {
		if text, err = unitgen.TmpfilesForSources(append(c.missingSources(binds), c.kept...)); err != nil {
			return err
		}
	}
	if len(text) > 0 {
		c.addFile(tmpfilesPath(c.name), tmpfilesFile, text, 0o644)
	}
	return nil
}

// missingSources are the bind sources that we can make and the host lacks.
func (c *compiler) missingSources(binds []runcspec.BindSource) []unitgen.Source {
	var missing []unitgen.Source
	for _, bind := range binds {
		if slices.ContainsFunc(c.kept, func(s unitgen.Source) bool { return s.Path == bind.Path }) {
			continue
		}
		if _, err := c.facts.tree.Stat(bind.Path); err != nil && !bind.System {
			missing = append(missing, unitgen.Source{Path: bind.Path})
		}
	}
	return missing
}

// checkPrograms returns the OCI runtime that the unit will use, once it is sure that
// the host has it and the launcher.
func (c *compiler) checkPrograms() (string, error) {
	runtime := c.values["RUNTIME"]
	if runtime == "" {
		return "", Hint(errors.New("no OCI runtime on the host: neither crun nor runc was found"), "install the package crun or runc, or name one with --runtime")
	}
	if err := isProgram(c.facts.tree, runtime); err != nil {
		return "", Hint(fmt.Errorf("looking for the OCI runtime: %w", err), "install it, or name another with --runtime")
	}
	if err := isProgram(c.facts.tree, LauncherPath); err != nil {
		return "", Hint(fmt.Errorf("looking for the launcher that units run: %w", err), "install syscontainer on that host as well: make install DESTDIR=DIR")
	}
	return runtime, nil
}

func (c *compiler) warnUnused() {
	for _, name := range templates.Unused(c.set, c.used) {
		switch name {
		case "RUNTIME", "PIDFILE", "RUN_DIRECTORY": // they are in EXEC_START
			continue
		}
		c.warn("--set %s: no template of %s uses that variable (it uses %s)", name, c.image.Reference, strings.Join(c.knownVariables(), ", "))
	}
}

// knownVariables lists what a user may set with effect.
func (c *compiler) knownVariables() []string {
	known := map[string]bool{}
	for _, name := range c.used {
		if !templates.IsForced(name) {
			known[name] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}
