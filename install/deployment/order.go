package deployment

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// checkOrder refuses a plan with which units of the host could not be started in any
// order. What was wrong before is not the plan's fault.
func (c *compiler) checkOrder() error {
	planned, err := c.unitEntries()
	if err != nil || len(planned) == 0 {
		return err
	}
	before := order.Load(c.Facts.Units)
	for _, warning := range before.Warnings() {
		c.warn("left out of the order of units: %s", warning)
	}
	after := order.Load(c.withPlanned(planned)).Graph()
	if cycle := after.NewCycle(before.Graph()); cycle != nil {
		err := fmt.Errorf("no order of the host's units would be left in which all of them can start:\n%s", cycle)
		return hint.Add(err, "%s", c.orderAdvice(cycle))
	}
	if found := after.Contradictions(c.plan.To.UnitNames()); len(found) > 0 {
		return errors.New(strings.Join(found, "\n"))
	}
	for _, line := range after.Restless(c.plan.To.UnitNames()) {
		c.warn("%s: a failing service is then started without a pause by systemd 254 and later; a container comes back with what it requires without that", line)
	}
	return nil
}

// orderAdvice says whose word can be taken back.
func (c *compiler) orderAdvice(cycle order.Cycle) string {
	const systemd = "systemd would leave one of these units out, and not always the same"
	for _, edge := range cycle {
		if edge.Reasons[0].File == DropInPath(c.Name) {
			return systemd + "; leave out what --after or --before said of it"
		}
	}
	return systemd + "; one of these files has to change: a drop-in can add to what a unit comes after, and takes nothing away"
}

// A plannedEntry is what the plan puts into a directory of units.
type plannedEntry struct {
	dir string
	order.Entry
}

// unitEntries are the files and links of the plan that systemd reads, with the links
// that enabling its units makes.
func (c *compiler) unitEntries() ([]plannedEntry, error) {
	var planned []plannedEntry
	for _, f := range c.plan.To.Files {
		dir, name := unitDir(f.Path)
		if dir == "" || f.Kind == Directory {
			continue
		}
		text, err := c.textOf(f)
		if err != nil {
			return nil, err
		}
		planned = append(planned, plannedEntry{dir, order.Entry{Name: name, Link: f.Target, Text: text}})
	}
	if c.plan.To.Enabled {
		planned = append(planned, c.enablingLinks()...)
	}
	return planned, nil
}

// unitDir splits the path of an entry below a directory of units.
func unitDir(file string) (dir, name string) {
	for _, dir := range order.Dirs() {
		if name, inside := strings.CutPrefix(file, dir+"/"); inside {
			return dir, name
		}
	}
	return "", ""
}

// textOf is the content that a file will have.
func (c *compiler) textOf(f HostFile) ([]byte, error) {
	if f.Kind != File {
		return nil, nil
	}
	return c.plan.Contents(c.Files)(f)
}

func (c *compiler) enablingLinks() []plannedEntry {
	var links []plannedEntry
	units := c.members
	if c.plan.To.Unit != "" {
		units = append([]member{{name: c.plan.To.Unit, unit: c.unit}}, units...)
	}
	for _, m := range units {
		file := path.Join(SystemdDir, m.name)
		for setting, suffix := range map[string]string{"WantedBy": ".wants", "RequiredBy": ".requires", "UpheldBy": ".upholds"} {
			for _, by := range m.unit.Words("Install", setting) {
				links = append(links, plannedEntry{SystemdDir, order.Entry{Name: path.Join(by+suffix, m.name), Link: file}})
			}
		}
		for _, alias := range m.unit.Words("Install", "Alias") {
			links = append(links, plannedEntry{SystemdDir, order.Entry{Name: alias, Link: file}})
		}
	}
	return links
}

// withPlanned is what the host's directories of units will hold: of this container, what is
// planned and nothing else.
func (c *compiler) withPlanned(planned []plannedEntry) []order.Dir {
	var dirs []order.Dir
	for _, name := range order.Dirs() {
		dir := order.Dir{Path: name}
		for _, p := range planned {
			if p.dir == name {
				dir.Entries = append(dir.Entries, p.Entry)
			}
		}
		for _, old := range c.Facts.Units {
			if old.Path != name {
				continue
			}
			dir.Entries = append(dir.Entries, slices.DeleteFunc(slices.Clone(old.Entries), func(e order.Entry) bool {
				return c.Facts.Owners[path.Join(name, e.Name)] == c.Name
			})...)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
