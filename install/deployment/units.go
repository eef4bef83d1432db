package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/templates"
	"github.com/syscontainer/syscontainer/unitgen"
)

// UnitRef is a unit that an image brings beside its service.
type UnitRef struct {
	Name string `json:"name"`
	// Install says that enabling it means something.
	Install bool `json:"install"`
}

// member is such a unit while it is compiled.
type member struct {
	file string // of the image, for errors
	name string
	unit unitgen.Unit
}

// serviceUnit renders and parses the unit that runs the container.
func (c *compiler) serviceUnit() (unitgen.Unit, []byte, error) {
	text, err := c.read(serviceTemplate)
	if err != nil {
		return unitgen.Unit{}, nil, err
	}
	if text == nil {
		if text, err = c.defaultService(); err != nil {
			return unitgen.Unit{}, nil, err
		}
	}
	text = withoutEmptyCommands(text, c.values)
	unit, rendered, err := c.parseUnit(serviceTemplate, text)
	if err != nil || unit.Type() != "oneshot" || !unit.Runs(LauncherPath) {
		return unit, rendered, err
	}
	// Nothing can hand over the main process of a oneshot and its exit status as
	// well: the launcher waits for the container's end.
	c.values["EXEC_START"] = strings.Replace(c.values["EXEC_START"], LauncherPath, LauncherPath+" --foreground", 1)
	return c.parseUnit(serviceTemplate, text)
}

func (c *compiler) parseUnit(file string, text []byte) (unitgen.Unit, []byte, error) {
	rendered, err := c.renderText(file, text, templates.Unit)
	if err != nil {
		return unitgen.Unit{}, nil, err
	}
	unit, err := unitgen.ParseUnit(file, rendered)
	return unit, rendered, err
}

// withoutEmptyCommands blanks the lines of a unit's template that say no more than
// ExecStop=$EXEC_STOP where that is empty: for systemd an empty line forgets the
// commands before it, and one with a prefix and nothing else is an error.
func withoutEmptyCommands(text []byte, values templates.Values) []byte {
	command := regexp.MustCompile(`(?m)^[ \t]*Exec\w+[ \t]*=[ \t]*[-@:+!|]*\$\{?(EXEC_\w+)\}?[ \t]*$`)
	return command.ReplaceAllFunc(text, func(line []byte) []byte {
		if value, known := values[string(command.FindSubmatch(line)[1])]; known && value == "" {
			return nil
		}
		return line
	})
}

// compileUnits plans the units that the image brings beside its service.
func (c *compiler) compileUnits() error {
	there, err := c.hasTree(unitsTree)
	if err != nil || !there {
		return err
	}
	entries, err := fs.ReadDir(c.Files, unitsTree)
	if err != nil {
		return fmt.Errorf("reading /%s of %s: %w", unitsTree, c.Image.Reference, err)
	}
	var wrong []error
	for _, entry := range entries {
		m, text, err := c.compileUnit(entry)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("planning /%s of %s: %w", path.Join(unitsTree, entry.Name()), c.Image.Reference, err))
			continue
		}
		c.members = append(c.members, m)
		c.plan.To.Units = append(c.plan.To.Units, UnitRef{Name: m.name, Install: m.unit.HasInstall()})
		c.addFile(path.Join(SystemdDir, m.name), path.Join(UnitsDir, m.name), text, 0o644)
	}
	if err := errors.Join(wrong...); err != nil {
		return hint.Add(err, "a unit in /%s is called ${NAME}.socket, ${NAME}-backup.timer.template and the like", unitsTree)
	}
	return nil
}

// compileUnit reads one of them: a template where its name says so. In its name,
// variables have their values in any case.
func (c *compiler) compileUnit(entry fs.DirEntry) (m member, text []byte, err error) {
	m.file = path.Join(unitsTree, entry.Name())
	if !entry.Type().IsRegular() {
		return m, nil, errors.New("it is not a regular file")
	}
	base, isTemplate := strings.CutSuffix(entry.Name(), ".template")
	name, err := c.renderText("its name", []byte(base), templates.Text)
	if err != nil {
		return m, nil, err
	}
	m.name = string(name)
	isMount := path.Ext(m.name) == ".mount"
	if !isMount {
		if err := unitgen.CheckMember(c.Name, m.name); err != nil {
			return m, nil, err
		}
	}
	if text, err = c.read(m.file); err != nil {
		return m, nil, err
	}
	if isTemplate {
		m.unit, text, err = c.parseUnit(m.file, text)
	} else {
		m.unit, err = unitgen.ParseUnit(m.file, text)
	}
	if err != nil {
		return m, nil, err
	}
	if isMount {
		if m.name, err = m.unit.MountUnit(); err != nil {
			return m, nil, err
		}
	}
	return m, text, checkMemberRuns(m.unit)
}

// checkMemberRuns refuses a second unit that runs the container.
func checkMemberRuns(unit unitgen.Unit) error {
	if !unit.Runs(LauncherPath) {
		return nil
	}
	return hint.Add(errors.New("$EXEC_START is for the container's own service alone: one container runs once"),
		"to run something in the container, write: ExecStart=$RUNTIME exec $NAME COMMAND")
}

// checkUnits looks at all units of the plan together.
func (c *compiler) checkUnits(service unitgen.Unit) error {
	all := c.members
	if c.plan.To.Unit != "" {
		all = append([]member{{file: serviceTemplate, name: c.plan.To.Unit, unit: service}}, all...)
	}
	var names []string
	for _, m := range all {
		names = append(names, m.name)
	}
	var wrong []error
	for _, m := range all {
		if err := errors.Join(c.checkLinks(m, names), c.checkTrigger(m, names)); err != nil {
			wrong = append(wrong, fmt.Errorf("checking /%s of %s: %w", m.file, c.Image.Reference, err))
		}
	}
	c.plan.To.Enabled = len(names) > 0 && !c.Request.NoEnable
	return errors.Join(wrong...)
}

// checkLinks refuses what enabling the unit would do to units that are not the image's:
// disabling it, when it is uninstalled, would do the contrary.
func (c *compiler) checkLinks(m member, names []string) error {
	var wrong []error
	for _, other := range m.unit.Words("Install", "Also") {
		if !slices.Contains(names, other) {
			wrong = append(wrong, hint.Add(fmt.Errorf("enabling it with Also=%s: uninstalling would disable that unit, which is not the image's", other),
				"use Wants=%s in [Unit]", other))
		}
	}
	for _, alias := range m.unit.Words("Install", "Alias") {
		switch {
		case alias == m.name || strings.Contains(alias, "%"): // means nothing; systemd's to expand
			continue
		case slices.Contains(names, alias):
			wrong = append(wrong, fmt.Errorf("enabling it with Alias=%s: that is another unit of the image", alias))
		case path.Ext(alias) != path.Ext(m.name):
			wrong = append(wrong, fmt.Errorf("enabling it with Alias=%s: systemd demands the suffix %s", alias, path.Ext(m.name)))
		default:
			wrong = append(wrong, unitgen.CheckUnitName(alias))
			c.aliases = append(c.aliases, alias)
		}
	}
	return errors.Join(wrong...)
}

// checkTrigger refuses a timer and the like for a service that ought to be the
// image's, and is not there.
func (c *compiler) checkTrigger(m member, names []string) error {
	target := m.unit.Triggers(m.name)
	if target == "" || slices.Contains(names, target) || !unitgen.IsMember(c.Name, strings.Replace(target, "@", "", 1)) {
		return nil
	}
	return fmt.Errorf("it starts %s, which the image does not have", target)
}

// passSockets lets a container take the sockets of the image's socket units. It has
// to know its own pid in advance, which is 1 in a pid namespace of its own. How many
// there are, runc says to the container, and crun leaves to config.json; without
// the LISTEN_PID that both set when there are any, it means nothing.
func (c *compiler) passSockets(spec *specs.Spec) error {
	sockets := 0
	for _, m := range c.members {
		if path.Ext(m.name) == ".socket" && m.unit.Triggers(m.name) == c.plan.To.Unit {
			sockets += m.unit.Sockets()
		}
	}
	if sockets == 0 {
		return nil
	}
	own := slices.ContainsFunc(spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool {
		return ns.Type == specs.PIDNamespace && ns.Path == ""
	})
	if !own {
		return fmt.Errorf("%s is started with sockets, and its %s gives it no pid namespace of its own, without which it cannot take them", c.plan.To.Unit, ConfigFile)
	}
	spec.Process.Env = append(spec.Process.Env, "LISTEN_FDS="+strconv.Itoa(sockets))
	return nil
}

// UnitNames are all units of a deployment, the container's service last. A nil
// record has none.
func (r *Record) UnitNames() []string {
	if r == nil {
		return nil
	}
	var names []string
	for _, unit := range r.Units {
		names = append(names, unit.Name)
	}
	if r.Unit != "" {
		names = append(names, r.Unit)
	}
	// What starts others is stopped before them, and started before them as well.
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// Startable are the units that starting the container starts.
func (r *Record) Startable() []string {
	return slices.DeleteFunc(r.UnitNames(), func(name string) bool {
		return slices.ContainsFunc(r.Units, func(unit UnitRef) bool { return unit.Name == name && !unit.Install })
	})
}

// rank orders the types of units in which they are started and stopped.
func rank(unit string) int {
	switch path.Ext(unit) {
	case ".socket", ".timer", ".path":
		return 0
	case ".service", ".target":
		return 1
	}
	return 2
}

// Without returns the names that are not in the other list.
func Without(names, other []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(other, name) })
}
