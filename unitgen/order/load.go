package order

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// Units are all units of a host: those that have a file, the instances of templates
// that something names, and what systemd makes without a file.
type Units struct {
	byName   map[string]*unit // under the names of each, and under those of units that are named and not there
	warnings []string
}

// A unit is one of them, with everything that its files and directories say.
type unit struct {
	name   string   // the one that is no alias
	names  []string // all, that one first
	path   string   // of the file that it is made from; "" when there is none
	masked bool
	text   unitgen.Unit // of the file with all drop-ins
	links  []link       // in the directories .wants, .requires and .upholds
}

// A link is a unit that a directory says is pulled in.
type link struct {
	setting string // Wants, Requires or Upholds
	unit    string
	path    string
}

// exists tells whether systemd can start the unit. Slices need no file, and whether there
// is a device or a scope only a running system knows.
func (u *unit) exists() bool {
	return !u.masked && (u.path != "" || u.perpetual() || slices.Contains([]string{"slice", "device", "scope"}, kindOf(u.name)))
}

// perpetual units are always up: systemd makes them, whatever a file says.
func (u *unit) perpetual() bool {
	return slices.Contains([]string{"-.mount", "-.slice", "system.slice", "init.scope"}, u.name)
}

// Warnings tell what could not be understood and is left out, one line each.
func (us *Units) Warnings() []string { return us.warnings }

// Load makes the units of what is in a host's directories, which come in the order of Dirs.
func Load(dirs []Dir) *Units {
	l := loader{
		units:  &Units{byName: map[string]*unit{}},
		files:  map[string]placed{},
		extras: map[string][]placed{},
	}
	l.index(dirs)
	l.findAliases()
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if !isTemplate(name) {
			l.wanted = append(l.wanted, name)
		}
	}
	l.wanted = append(l.wanted, "-.mount", "-.slice", "system.slice", "init.scope")
	for len(l.wanted) > 0 && len(l.units.byName) < maxUnits {
		name := l.wanted[0]
		l.wanted = l.wanted[1:]
		l.load(name)
	}
	if len(l.wanted) > 0 {
		l.units.warnings = append(l.units.warnings, "there are more units than can be: templates that name instances of themselves are left out")
	}
	slices.Sort(l.units.warnings)
	l.units.warnings = slices.Compact(l.units.warnings)
	return l.units
}

// maxUnits is far more than hosts have. Templates can name ever more instances.
const maxUnits = 10000

type loader struct {
	units   *Units
	files   map[string]placed   // of units and templates, by name, those that hold
	extras  map[string][]placed // a.service.d, a.target.wants: all that is in them, by precedence
	aliases map[string][]string // of a unit or template
	wanted  []string            // names that are yet to be looked at
}

// placed is an entry with the directory that it is in.
type placed struct {
	Entry
	dir string
}

func (p placed) path() string    { return path.Join(p.dir, p.Name) }
func (p placed) base() string    { return path.Base(p.Name) }
func (p placed) isMasking() bool { return p.masks(p.dir) }

func (l *loader) index(dirs []Dir) {
	for _, dir := range dirs {
		for _, entry := range dir.Entries {
			p := placed{entry, dir.Path}
			if in := path.Dir(entry.Name); in != "." {
				l.extras[in] = append(l.extras[in], p)
			} else if _, hidden := l.files[entry.Name]; !hidden && IsUnitFile(entry.Name) {
				l.files[entry.Name] = p
			}
		}
	}
}

// alias returns the unit or template that a link in a directory of units is another
// name for; "" for what is none.
func alias(p placed) string {
	target := p.resolved(p.dir)
	if target == "" || path.Base(target) == p.Name || !IsUnitFile(path.Base(target)) || !slices.Contains(Dirs(), path.Dir(target)) {
		return ""
	}
	return path.Base(target)
}

func (l *loader) findAliases() {
	l.aliases = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if id, _, _ := l.resolve(name); id != name {
			l.aliases[id] = append(l.aliases[id], name)
		}
	}
}

// resolve follows aliases to the unit that bears the name, and finds its file.
func (l *loader) resolve(name string) (id string, file placed, found bool) {
	const maxAliases = 16 // who goes in a circle is nobody
	for range maxAliases {
		if file, found = l.files[name]; !found {
			file, found = l.files[template(name)]
		}
		target := alias(file)
		if !found || target == "" {
			return name, file, found
		}
		name = inInstance(target, name)
	}
	return name, placed{}, false
}

// load makes the unit of that name, unless it is there.
func (l *loader) load(name string) {
	if _, known := l.units.byName[name]; known {
		return
	}
	id, file, found := l.resolve(name)
	if u, known := l.units.byName[id]; known {
		u.names = append(u.names, name) // an instance by the alias of its template
		l.units.byName[name] = u
		return
	}
	u := &unit{name: id, names: []string{id}}
	u.names = append(u.names, l.aliases[id]...)
	for _, also := range l.aliases[template(id)] {
		u.names = append(u.names, inInstance(also, id))
	}
	if found {
		u.path, u.masked = file.path(), file.isMasking()
	}
	for _, each := range append(u.names, name) {
		l.units.byName[each] = u
	}
	if u.exists() {
		l.fill(u, file)
	}
}

// fill reads what the files of a unit say, and remembers what they name.
func (l *loader) fill(u *unit, file placed) {
	u.text = l.parse(file).With(l.dropIns(u)...)
	for _, dir := range []struct{ suffix, setting string }{{".wants", "Wants"}, {".requires", "Requires"}, {".upholds", "Upholds"}} {
		for _, p := range l.extrasOf(u, dir.suffix) {
			if name := inInstance(p.base(), u.name); isUnit(name) {
				u.links = append(u.links, link{dir.setting, name, p.path()})
				l.wanted = append(l.wanted, name)
			}
		}
	}
	l.wanted = append(l.wanted, u.named()...)
}

func (l *loader) dropIns(u *unit) []unitgen.Unit {
	var parsed []unitgen.Unit
	for _, p := range l.extrasOf(u, dropInDir) {
		if path.Ext(p.Name) == ".conf" {
			parsed = append(parsed, l.parse(p))
		}
	}
	return parsed
}

// extrasOf finds what is in the directories of a unit that end in suffix, sorted by
// name. Of two entries with one name the first holds, and hides the other one also when
// it is masked.
func (l *loader) extrasOf(u *unit, suffix string) []placed {
	first := map[string]placed{}
	for _, name := range u.names {
		for _, above := range dirNames(name) {
			for _, p := range l.extras[above+suffix] {
				if _, hidden := first[p.base()]; !hidden {
					first[p.base()] = p
				}
			}
		}
	}
	found := slices.SortedFunc(maps.Values(first), func(a, b placed) int { return cmp.Compare(a.base(), b.base()) })
	return slices.DeleteFunc(found, placed.isMasking)
}

// dirNames are the names, without suffix, of directories that add to a unit, those that
// are about it alone first: a-b@c.service, a-b@.service, a-@c.service, …, service.
func dirNames(name string) []string {
	var names []string
	for n := splitName(name); ; {
		names = append(names, n.String())
		if n.instance != "" {
			names = append(names, template(n.String()))
		}
		dash := strings.LastIndexByte(strings.TrimSuffix(n.prefix, "-"), '-')
		if dash <= 0 {
			return append(names, n.kind)
		}
		n.prefix = n.prefix[:dash+1]
	}
}

func (l *loader) parse(p placed) unitgen.Unit {
	parsed, err := unitgen.ParseUnit(p.path(), p.Text)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			l.units.warnings = append(l.units.warnings, strings.TrimSpace(line))
		}
	}
	return parsed
}

func isUnit(name string) bool { return unitgen.CheckUnitName(name) == nil }
