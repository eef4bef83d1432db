package unitgen

import (
	"slices"
	"strings"
)

// All returns every value that is assigned to a key, in the order of the file,
// empty ones included.
func (u Unit) All(section, key string) []string {
	var values []string
	for _, value := range u.Said(section, key) {
		values = append(values, value.Text)
	}
	return values
}

// A Value is one that a file assigns to a key.
type Value struct {
	Text, File string
}

// Said is All, for those who want to know where each value stands.
func (u Unit) Said(section, key string) []Value {
	var values []Value
	for _, s := range u.settings {
		if s.section == section && s.key == key {
			values = append(values, Value{s.value, s.file})
		}
	}
	return values
}

// Last returns the value that is assigned to a key last, which is the one that
// holds for settings that are no lists, and whether the unit has the key at all.
func (u Unit) Last(section, key string) (string, bool) {
	values := u.All(section, key)
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// Words returns the words of all values of a key, quotes removed: the units of
// RequiredBy=, for example. As with systemd's dependencies, an empty assignment does
// not empty the list.
func (u Unit) Words(section, key string) []string {
	var words []string
	for _, value := range u.All(section, key) {
		words = append(words, splitWords(value)...)
	}
	return words
}

// Words splits the value at white space and removes quotes.
func (v Value) Words() []Value {
	var words []Value
	for _, word := range splitWords(v.Text) {
		words = append(words, Value{word, v.File})
	}
	return words
}

// With returns the unit as it is with drop-ins, which systemd reads after it in the
// order given.
func (u Unit) With(dropIns ...Unit) Unit {
	settings := slices.Clone(u.settings)
	for _, dropIn := range dropIns {
		settings = append(settings, dropIn.settings...)
	}
	return Unit{settings: settings}
}

// splitWords splits at white space outside of quotes. Backslashes are kept: they
// are part of the names of units.
func splitWords(s string) []string {
	var words []string
	var word strings.Builder
	started, quote := false, rune(0)
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, started = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}

// InstallsLike tells whether enabling the unit makes the links that it makes for the
// other one.
func (u Unit) InstallsLike(other Unit) bool {
	return slices.Equal(u.section("Install"), other.section("Install"))
}

func (u Unit) section(name string) []setting {
	return slices.DeleteFunc(slices.Clone(u.settings), func(s setting) bool { return s.section != name })
}

// Type returns the type of the service, with systemd's rules for a unit that does
// not say: dbus with BusName=, simple with ExecStart=, else oneshot.
func (u Unit) Type() string {
	for _, t := range slices.Backward(u.All("Service", "Type")) {
		if t != "" {
			return t
		}
	}
	if name, _ := u.Last("Service", "BusName"); name != "" {
		return "dbus"
	}
	if len(u.commands("ExecStart")) > 0 {
		return "simple"
	}
	return "oneshot"
}

// Notifies tells whether the unit expects READY=1 from the service itself.
func (u Unit) Notifies() bool {
	t := u.Type()
	return t == "notify" || t == "notify-reload"
}

// Runs tells whether a command line of the service runs program, an absolute
// path: itself or through a shell or another wrapper.
func (u Unit) Runs(program string) bool {
	keys := []string{
		"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost",
		"ExecReload", "ExecStop", "ExecStopPost",
	}
	for _, key := range keys {
		if slices.ContainsFunc(u.commands(key), func(line string) bool { return mentions(line, program) }) {
			return true
		}
	}
	return false
}

// commands returns the command lines of a key of the service: an empty assignment
// drops those before it.
func (u Unit) commands(key string) []string {
	var lines []string
	for _, line := range u.All("Service", key) {
		if line == "" {
			lines = nil
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

// mentions finds path in line where it is not a part of a longer path.
func mentions(line, path string) bool {
	const inPath = letters + digits + "_./"
	for path != "" {
		before, after, found := strings.Cut(line, path)
		if !found {
			return false
		}
		// A dash may stand before: it is the prefix "ignore failures".
		if (before == "" || !strings.Contains(inPath, before[len(before)-1:])) &&
			(after == "" || !strings.Contains(inPath+"-", after[:1])) {
			return true
		}
		line = after
	}
	return false
}
