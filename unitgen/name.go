package unitgen

import (
	"slices"
	"strings"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"

	maxNameLength     = 64  // NAME.service.d and container-NAME.pid must be file names, too
	maxUnitNameLength = 255 // systemd's UNIT_NAME_MAX
)

// unitSuffixes returns the types of units that systemd knows, and nothing else.
func unitSuffixes() []string {
	return []string{
		"service", "socket", "target", "device", "mount", "automount",
		"swap", "timer", "path", "slice", "scope",
	}
}

// CheckName tells whether name can be the name of a container: it becomes
// NAME.service, a directory, the runtime's container id and the identifier in the
// journal, and needs no escaping in any of them. The error is a *NameError.
//
// Dots separate parts; the last part may not be the suffix of a unit type:
// x.socket would shadow a socket. It may be a number, as in etcd-3.6.
func CheckName(name string) error {
	if reason := nameProblem(name); reason != "" {
		return &NameError{Name: name, Reason: reason}
	}
	return nil
}

func nameProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxNameLength:
		return "is longer than 64 characters"
	case !strings.Contains(letters+digits, name[:1]):
		return "does not begin with a letter or a digit"
	case hasForeign(name, letters+digits+"_-."):
		return "has characters other than letters, digits, '_', '-' and '.'"
	case strings.Contains(name, ".."), strings.HasSuffix(name, "."):
		return "has an empty part beside a dot"
	}
	if _, last, dotted := cutLast(name, '.'); dotted && slices.Contains(unitSuffixes(), last) {
		return "ends like a systemd unit"
	}
	return ""
}

// CheckUnitName tells whether unit is the full name of a unit that another unit
// can depend on: with the suffix of its type, and with an instance if it is made
// from a template. The error is a *NameError.
func CheckUnitName(unit string) error {
	if reason := unitNameProblem(unit); reason != "" {
		return &NameError{Name: unit, Reason: reason}
	}
	return nil
}

func unitNameProblem(unit string) string {
	prefix, suffix, dotted := cutLast(unit, '.')
	base, instance, instantiated := strings.Cut(prefix, "@")
	switch {
	case unit == "":
		return "is empty"
	case len(unit) > maxUnitNameLength:
		return "is longer than 255 characters"
	case hasForeign(unit, letters+digits+`:-_.\@`):
		return "has characters that no unit name can have"
	case !dotted || !slices.Contains(unitSuffixes(), suffix):
		return "does not end in .service, .target or another type of unit"
	case base == "":
		return "has nothing before its suffix"
	case instantiated && instance == "":
		return "is a template without an instance"
	case suffix == "slice":
		return sliceProblem(unit)
	}
	return ""
}

// sliceProblem applies what systemd demands of slices beyond other units: dashes
// separate the levels of the tree, and each level has a name.
func sliceProblem(unit string) string {
	prefix := strings.TrimSuffix(unit, ".slice")
	switch {
	case prefix == unit:
		return "is not a slice"
	case prefix == "-":
		return ""
	case strings.Contains(prefix, "@"), slices.Contains(strings.Split(prefix, "-"), ""):
		return "is not a slice that systemd accepts"
	}
	return ""
}

func hasForeign(s, allowed string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(allowed, r) })
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
