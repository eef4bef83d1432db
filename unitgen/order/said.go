package order

import (
	"path"
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// named returns the units that the settings of a unit name.
func (u *unit) named() []string {
	var names []string
	for _, key := range append(pulling(), "After", "Before", "PartOf", "Conflicts", "OnFailure", "OnSuccess") {
		for _, word := range u.units("Unit", key) {
			names = append(names, word.Text)
		}
	}
	for _, word := range u.units("Service", "Sockets") {
		names = append(names, word.Text)
	}
	if slice, _ := u.slice(); slice != "" {
		names = append(names, slice)
	}
	if name := u.triggers(); name != "" {
		names = append(names, name)
	}
	return names
}

// pulling are the settings that make systemd start other units with this one.
func pulling() []string { return []string{"Requires", "Requisite", "BindsTo", "Wants", "Upholds"} }

// units returns the units that a setting names; what is no name of a unit is left out.
// systemd does not know quotes there.
func (u *unit) units(section, key string) []unitgen.Value {
	var units []unitgen.Value
	for _, value := range u.text.Said(section, key) {
		for _, word := range strings.Fields(value.Text) {
			name, ok := expand(word, u.name)
			if name = inInstance(name, u.name); ok && isUnit(name) {
				units = append(units, unitgen.Value{Text: name, File: value.File})
			}
		}
	}
	return units
}

// words returns the words of a setting, with specifiers replaced. An empty value forgets
// those before it.
func (u *unit) words(section, key string) []unitgen.Value {
	var words []unitgen.Value
	for _, value := range u.text.Said(section, key) {
		if value.Text == "" {
			words = nil
		}
		for _, word := range value.Words() {
			if text, ok := expand(word.Text, u.name); ok {
				words = append(words, unitgen.Value{Text: text, File: word.File})
			}
		}
	}
	return words
}

// paths returns the absolute paths among the words of a setting, in their shortest form.
// A dash before one says that it may be missing.
func (u *unit) paths(section, key string) []unitgen.Value {
	var paths []unitgen.Value
	for _, word := range u.words(section, key) {
		if name := strings.TrimPrefix(word.Text, "-"); path.IsAbs(name) {
			paths = append(paths, unitgen.Value{Text: path.Clean(name), File: word.File})
		}
	}
	return paths
}

// last is a setting's value, with specifiers replaced.
func (u *unit) last(section, key string) string {
	value, _ := u.text.Last(section, key)
	value, _ = expand(value, u.name)
	return value
}

// hasDefaults tells whether systemd adds to a unit what most of its type want.
func (u *unit) hasDefaults() bool {
	value, says := u.text.Truth("Unit", "DefaultDependencies")
	return !u.perpetual() && (value || !says)
}

// triggers is the unit that a socket, timer, path or automount unit starts; "" for none.
func (u *unit) triggers() string {
	if kindOf(u.name) == "automount" {
		return strings.TrimSuffix(u.name, "automount") + "mount"
	}
	name, ok := expand(u.text.Triggers(u.name), u.name)
	if !ok || !isUnit(name) { // the template that a socket makes a service of for each connection
		return ""
	}
	return name
}
