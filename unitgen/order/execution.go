package order

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// addExecution adds what the environment of a unit's processes needs.
func (g *Graph) addExecution(u *unit, section string) {
	for _, setting := range []string{"WorkingDirectory", "RootDirectory", "RootImage"} {
		for _, word := range u.paths(section, setting) {
			g.addMountsFor(u, word.Text, Reason{Setting: setting, File: word.File})
		}
	}
	g.addDirectories(u, section)
	private, _ := u.text.Truth(section, "PrivateTmp")
	dynamic, _ := u.text.Truth(section, "DynamicUser")
	if private || dynamic {
		why := rule("a private /tmp comes after those of the host")
		g.add("tmp.mount", u.name, why)
		g.add("systemd-tmpfiles-setup.service", u.name, why)
		g.addMountsFor(u, "/var/tmp", why)
	}
	g.addJournal(u, section)
}

// addDirectories adds the mounts of the directories that systemd makes for a unit, which
// it does once those that stay can be written to.
func (g *Graph) addDirectories(u *unit, section string) {
	for _, d := range []struct {
		setting, above string
		stays          bool
	}{
		{"RuntimeDirectory", "/run", false}, {"StateDirectory", "/var/lib", true}, {"CacheDirectory", "/var/cache", true},
		{"LogsDirectory", "/var/log", true}, {"ConfigurationDirectory", "/etc", true},
	} {
		for _, word := range u.words(section, d.setting) {
			why := Reason{Setting: d.setting, File: word.File}
			name, _, _ := strings.Cut(word.Text, ":")
			g.addMountsFor(u, path.Join(d.above, name), why)
			if d.stays {
				g.add("systemd-remount-fs.service", u.name, why)
			}
		}
	}
}

// addJournal puts what writes to the journal behind it.
func (g *Graph) addJournal(u *unit, section string) {
	if namespace := u.last(section, "LogNamespace"); namespace != "" {
		why := rule("what is logged comes after its journal")
		g.add("systemd-journald@"+namespace+".socket", u.name, why)
		g.add("systemd-journald-varlink@"+namespace+".socket", u.name, why)
		g.add("systemd-journald-sync@"+namespace+".service", u.name, why)
		return
	}
	if isLogged(u.last(section, "StandardInput"), u.last(section, "StandardOutput")) || isLogged("", cmp.Or(u.last(section, "StandardError"), "inherit")) {
		g.add("systemd-journald.socket", u.name, rule("what is logged comes after the journal"))
	}
}

// isLogged tells whether an output goes to the journal, as it does unless somebody says
// otherwise or the input is one that can be written to.
func isLogged(input, output string) bool {
	if output == "" {
		return !slices.Contains([]string{"tty", "tty-force", "tty-fail", "socket"}, input) && !strings.HasPrefix(input, "fd:")
	}
	word, _, _ := strings.Cut(output, "+")
	return slices.Contains([]string{"journal", "kmsg", "syslog"}, word)
}
