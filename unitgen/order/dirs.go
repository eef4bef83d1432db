package order

import (
	"path"
	"slices"
	"strings"
)

// Dirs returns the directories in which systemd looks for the units of a system. What
// is in an earlier one hides what has the same name in a later one.
func Dirs() []string {
	return []string{
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
		"/run/systemd/generator.early",
		"/etc/systemd/system", "/etc/systemd/system.attached",
		"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
		"/run/systemd/generator.late",
	}
}

// A Dir is one of these directories as it was read.
type Dir struct {
	Path    string
	Entries []Entry
}

// An Entry is a file or a symbolic link in a Dir, or in a directory there that
// IsUnitDir knows.
type Entry struct {
	Name string // relative to the Dir: a.service, a.service.d/b.conf, a.target.wants/b.service
	Link string // where a symbolic link leads, as it is written; "" for a file
	Text []byte // what reading it gives; not needed of links in .wants and the like
}

// IsUnitDir tells whether a directory of that name adds to a unit: with drop-ins, or
// with links to units that it pulls in.
func IsUnitDir(name string) bool {
	return slices.Contains([]string{dropInDir, ".wants", ".requires", ".upholds"}, path.Ext(name))
}

const dropInDir = ".d"

// IsUnitFile tells whether a file of that name can be a unit or a template of units.
func IsUnitFile(name string) bool { return isUnit(strings.Replace(name, "@.", "@x.", 1)) }

// resolved returns where a link leads, as a path of the host; "" for no link.
func (e Entry) resolved(dir string) string {
	if e.Link == "" || path.IsAbs(e.Link) {
		return e.Link
	}
	return path.Join(dir, path.Dir(e.Name), e.Link)
}

// masks tells whether the entry says that there is no such thing: it leads to
// /dev/null, or is empty.
func (e Entry) masks(dir string) bool {
	above := path.Dir(e.Name)
	if above == "." || path.Ext(above) == dropInDir {
		return len(e.Text) == 0
	}
	return e.resolved(dir) == "/dev/null"
}
