package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// Input is what a plan depends on, and nothing else.
type Input struct {
	Name    string  // of the container
	From    *Record // the deployment that the new one takes the place of; nil for the first
	Image   Image
	Files   fs.FS // of the image
	Request Request
	Facts   Facts
}

// Compile plans a new deployment. It reads the image and the host and changes
// neither; equal inputs have equal plans. The error joins all that is wrong.
func Compile(in Input) (*Plan, error) {
	c := newCompiler(in)
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

// compiler is what is found on the way from an input to a plan.
type compiler struct {
	Input

	set      map[string]string // by the user, without secrets
	secrets  map[string]string // by the user, never in a template
	manifest templates.Manifest
	health   *HealthCheck // of the manifest, its command not rendered
	values   templates.Values
	used     []string     // variables that the image's templates use
	unit     unitgen.Unit // as the image wants it; empty without a container service
	// templated are the host files, after renaming, that are templates.
	templated []string
	entries   []HostFile       // that the deployment wants on the host
	members   []member         // the units beside the service
	aliases   []string         // other names that units ask for
	kept      []unitgen.Source // volumes of the container
	once      *Once            // nil for a container that is installed
	plan      *Plan

	before map[string]HostFile // of From, by path
	// checksums are those of the image's files, by source, if From was made of the very
	// same image: with many containers and nothing new, all else is quick.
	checksums map[string]string
	dirs      map[string]string // see location
}

func newCompiler(in Input) *compiler {
	c := &compiler{Input: in, before: in.From.FilesByPath(), checksums: map[string]string{}, dirs: map[string]string{}}
	if in.From == nil || in.From.Image.Commit != in.Image.Commit {
		return c
	}
	for _, f := range in.From.Files {
		if f.SHA256 != "" {
			c.checksums[f.Source] = f.SHA256
		}
	}
	return c
}

// prepare reads what the image says of itself and gives the variables their values.
func (c *compiler) prepare() error {
	c.set = c.Request.setValues()
	if err := c.readManifest(); err != nil {
		return err
	}
	if err := c.takeSecrets(); err != nil {
		return err
	}
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
	if err := errors.Join(c.compileEntries(), c.checkStorable()); err != nil {
		return err
	}
	c.compileFound()
	return c.checkOrder()
}

func (c *compiler) begin() {
	c.plan = &Plan{From: c.From, To: &Record{
		Head: Head{
			Version:    recordVersion,
			Name:       c.Name,
			Deployment: c.Facts.Deployment,
			Image:      ImageRef{Given: c.Request.Image, Reference: c.Image.Reference, Digest: c.Image.Digest.String(), Commit: c.Image.Commit},
		},
		Created:   c.Facts.Now,
		Values:    c.set,
		Secrets:   c.secretNames(),
		Generated: c.Facts.Generated,
		Ports:     slices.Sorted(maps.Keys(c.Image.Config.Config.ExposedPorts)),
		Relations: c.Request.Relations,
		Data:      path.Join(c.values["STATE_DIRECTORY"], c.Name),
		Files:     []HostFile{},
	}}
	for _, name := range slices.Sorted(maps.Keys(c.manifest.Values)) {
		if c.manifest.IsSecret(name) {
			c.plan.Secret = append(c.plan.Secret, name)
		}
	}
	c.used = append(c.used, c.manifest.Variables()...)
	for _, key := range c.manifest.UnknownKeys {
		c.warn("%s: %s has the unknown key %q, which is ignored", c.Image.Reference, manifestFile, key)
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
	c.plan.To.Unit = UnitName(c.Name)
	c.addFile(UnitPath(c.Name), UnitName(c.Name), unitText, 0o644)
	if unit.Runs(LauncherPath) {
		return c.compileContainer(unit)
	}
	if err := c.errNoContainer(); err != nil {
		return err
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
	c.plan.To.MountPoints = c.mountPoints(spec)
	return errors.Join(c.compileDropIn(unit, spec), c.compileComeback(unit), c.compileTmpfiles(runcspec.BindSources(spec)), c.compileHealthCheck())
}

// mountPoints are those of the spec, each a file where the host has a file to
// bind there.
func (c *compiler) mountPoints(spec *specs.Spec) []MountPoint {
	var points []MountPoint
	for _, point := range runcspec.MountPoints(spec) {
		if point.Source != "" {
			if info, err := c.Facts.Tree.Stat(point.Source); err == nil {
				point.Dir = info.IsDir()
			}
		}
		points = append(points, MountPoint{Path: point.Path, Dir: point.Dir, Mode: ModeOf(point.Mode)})
	}
	return points
}

func (c *compiler) compileDropIn(unit unitgen.Unit, spec *specs.Spec) error {
	d := unitgen.DropInSpec{
		Name:      c.Name,
		DeployDir: c.destDir(),
		Runtime:   c.plan.To.Runtime,
		Unit:      unit,
		After:     c.Request.Relations.After,
		Before:    c.Request.Relations.Before,
		Requires:  c.Request.Relations.Requires,
		Wants:     c.Request.Relations.Wants,

		Dependents: unit.RequiredBy(),
		Launcher:   LauncherPath,
	}
	if _, says := unit.Last("Service", "KillSignal"); !says {
		d.KillSignal = c.Image.Config.Config.StopSignal
	}
	c.addCredentials(&d, spec)
	text, err := unitgen.DropIn(d)
	if err != nil {
		return fmt.Errorf("making the drop-in of %s: %w", UnitName(c.Name), err)
	}
	c.addFile(DropInPath(c.Name), DropInFile, text, 0o644)
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
		c.addFile(TmpfilesPath(c.Name), TmpfilesFile, text, 0o644)
	}
	return nil
}

// missingSources are the bind sources that we can make and the host lacks, or would
// lack without the deployment before.
func (c *compiler) missingSources(binds []runcspec.BindSource) []unitgen.Source {
	var missing []unitgen.Source
	for _, bind := range binds {
		if slices.ContainsFunc(c.kept, func(s unitgen.Source) bool { return s.Path == bind.Path }) {
			continue
		}
		_, err := c.Facts.Tree.Stat(bind.Path)
		if (err != nil || slices.Contains(c.Facts.Made, bind.Path)) && !bind.System {
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
		return "", hint.Add(errors.New("no OCI runtime on the host: neither crun nor runc was found"), "install the package crun or runc, or name one with --runtime")
	}
	if err := isProgram(c.Facts.Tree, runtime); err != nil {
		return "", hint.Add(fmt.Errorf("looking for the OCI runtime: %w", err), "install it, or name another with --runtime")
	}
	if err := isProgram(c.Facts.Tree, LauncherPath); err != nil {
		return "", hint.Add(fmt.Errorf("looking for the launcher that units run: %w", err), "install syscontainer on that host as well: make install DESTDIR=DIR")
	}
	return runtime, nil
}

func (c *compiler) warnUnused() {
	for _, name := range templates.Unused(c.set, c.used) {
		switch name {
		case "RUNTIME", "PIDFILE", "RUN_DIRECTORY": // they are in EXEC_START
			continue
		}
		remedy := ""
		if c.From != nil { // it stays set, and every update tells of it
			remedy = fmt.Sprintf("; take it back with: syscontainer update %s --unset %s", c.Name, name)
		}
		c.warn("--set %s: no template of %s uses that variable (it uses %s)%s", name, c.Image.Reference, strings.Join(c.knownVariables(), ", "), remedy)
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
