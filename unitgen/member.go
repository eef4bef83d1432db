package unitgen

import (
	"path"
	"slices"
	"strings"
)

// CheckMember tells whether an image that is installed as the container name may bring
// unit beside its service. Such units are called NAME.socket or NAME-backup.timer, so
// that two images never want the same one by chance; a mount unit has the name of its
// Where= (see MountUnit) instead. The error is a *NameError.
func CheckMember(name, unit string) error {
	if err := CheckUnitName(unit); err != nil {
		return err
	}
	if reason := memberProblem(name, unit); reason != "" {
		return &NameError{Name: unit, Reason: reason}
	}
	return nil
}

func memberProblem(name, unit string) string {
	_, suffix, _ := cutLast(unit, '.')
	switch {
	case !slices.Contains(memberSuffixes(), suffix):
		return "is not a " + strings.Join(memberSuffixes(), ", ")
	case strings.Contains(unit, "@"):
		return "is a template or an instance, which an image cannot bring"
	case unit == name+".service":
		return "is the container's own service, which service.template makes"
	case suffix == "mount":
		return ""
	case !IsMember(name, unit):
		return "must begin with the container's name: " + name + "." + suffix + " or " + name + "-SOMETHING." + suffix
	}
	return ""
}

func memberSuffixes() []string {
	return []string{"service", "socket", "timer", "path", "mount", "target"}
}

// IsMember tells whether a unit's name is NAME or NAME-SOMETHING with a suffix.
func IsMember(name, unit string) bool {
	base, _, _ := cutLast(unit, '.')
	return base == name || strings.HasPrefix(base, name+"-")
}

// MountUnit returns the name that systemd demands of a mount unit: that of its Where=.
// The error is a *ValueError.
func (u Unit) MountUnit() (string, error) {
	where, _ := u.Last("Mount", "Where")
	if reason := pathProblem(where); reason != "" {
		return "", &ValueError{Setting: "Where", Value: where, Reason: reason}
	}
	if strings.Contains(where, "%") {
		return "", &ValueError{Setting: "Where", Value: where, Reason: "has a \"%\""}
	}
	return EscapePath(where) + ".mount", nil
}

// EscapePath writes a path as systemd-escape --path does.
func EscapePath(p string) string {
	p = strings.Trim(path.Clean(p), "/")
	if p == "" {
		return "-"
	}
	return Escape(p)
}

// Escape writes a text as systemd-escape does, so that it can be a part of a unit's name.
func Escape(text string) string {
	const plain = letters + digits + ":_."
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '/':
			b.WriteByte('-')
		case strings.IndexByte(plain, c) < 0 || i == 0 && c == '.':
			const hex = "0123456789abcdef"
			b.WriteString(`\x` + string(hex[c>>4]) + string(hex[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Triggers returns the unit that a socket, timer or path unit called name starts; ""
// for one that starts none.
func (u Unit) Triggers(name string) string {
	base, suffix, _ := cutLast(name, '.')
	var section, key string
	switch suffix {
	case "socket":
		section, key = "Socket", "Service"
	case "timer":
		section, key = "Timer", "Unit"
	case "path":
		section, key = "Path", "Unit"
	default:
		return ""
	}
	if unit, _ := u.Last(section, key); unit != "" {
		return unit
	}
	if accepts, _ := u.Last("Socket", "Accept"); suffix == "socket" && isTrue(accepts) {
		return base + "@.service"
	}
	return base + ".service"
}

// Sockets returns how many sockets a socket unit passes to the service that it starts.
func (u Unit) Sockets() int {
	count := 0
	for _, s := range u.settings {
		switch {
		case s.section != "Socket" || !strings.HasPrefix(s.key, "Listen"):
		case s.value == "": // forgets all before it, of every kind
			count = 0
		default:
			count++
		}
	}
	return count
}

// HasInstall tells whether enabling the unit means anything.
func (u Unit) HasInstall() bool {
	return slices.ContainsFunc(u.settings, func(s setting) bool { return s.section == "Install" && s.value != "" })
}

// Truth returns the value of a setting that is yes or no; says is false for one that is
// neither, or not there.
func (u Unit) Truth(section, key string) (value, says bool) {
	word, _ := u.Last(section, key)
	return isTrue(word), isTrue(word) || isFalse(word)
}

// isTrue knows the words that systemd takes for yes.
func isTrue(s string) bool {
	return slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(s))
}

// isFalse knows the words that systemd takes for no.
func isFalse(s string) bool {
	return slices.Contains([]string{"0", "no", "n", "false", "f", "off"}, strings.ToLower(s))
}
