package order

import (
	"strings"

	"github.com/syscontainer/syscontainer/unitgen"
)

// A unitName is the name of a unit in its parts: getty@tty1.service has the prefix
// getty, the instance tty1 and the type service.
type unitName struct {
	prefix, instance, kind string
	at                     bool // there is an "@", with an instance or, in a template, without
}

func splitName(name string) unitName {
	base, kind := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		base, kind = name[:dot], name[dot+1:]
	}
	prefix, instance, at := strings.Cut(base, "@")
	return unitName{prefix, instance, kind, at}
}

func (n unitName) String() string {
	if n.at {
		return n.prefix + "@" + n.instance + "." + n.kind
	}
	return n.prefix + "." + n.kind
}

// kindOf is the type of a unit: service, target and so on.
func kindOf(name string) string { return splitName(name).kind }

func isTemplate(name string) bool {
	n := splitName(name)
	return n.at && n.instance == ""
}

// template returns the name of the template that the unit is an instance of, or "".
func template(name string) string {
	n := splitName(name)
	if !n.at || n.instance == "" {
		return ""
	}
	n.instance = ""
	return n.String()
}

// inInstance completes the name of a template with the instance of the unit that names
// it, or with the prefix of one that is no instance, as systemd does.
func inInstance(name, of string) string {
	if !isTemplate(name) {
		return name
	}
	n, from := splitName(name), splitName(of)
	n.instance = from.instance
	if n.instance == "" {
		n.instance = from.prefix
	}
	return n.String()
}

// expand replaces the specifiers in a word of a unit. Those that depend on more than
// the unit's name and on where a system has its directories are unknown: the word is
// then not to be had.
func expand(word, name string) (expanded string, ok bool) {
	if !strings.Contains(word, "%") {
		return word, true
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '%' {
			b.WriteByte(word[i])
			continue
		}
		if i++; i == len(word) {
			return "", false
		}
		value, known := specifier(word[i], name)
		if !known {
			return "", false
		}
		b.WriteString(value)
	}
	return b.String(), true
}

func specifier(letter byte, name string) (value string, known bool) {
	n := splitName(name)
	switch letter {
	case '%':
		return "%", true
	case 'n':
		return name, true
	case 'N':
		return strings.TrimSuffix(name, "."+n.kind), true
	case 'p':
		return n.prefix, true
	case 'P':
		return unescape(n.prefix), true
	case 'i':
		return n.instance, true
	case 'I':
		return unescape(n.instance), true
	case 'j':
		return n.prefix[strings.LastIndexByte(n.prefix, '-')+1:], true
	case 'J':
		return unescape(n.prefix[strings.LastIndexByte(n.prefix, '-')+1:]), true
	case 'f':
		if n.instance == "" {
			return "/" + unescape(n.prefix), true
		}
		return "/" + strings.TrimPrefix(unescape(n.instance), "/"), true
	}
	value, known = systemPaths()[letter]
	return value, known
}

// systemPaths are the specifiers that are the same for all units of a system.
func systemPaths() map[byte]string {
	return map[byte]string{
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc",
		'T': "/tmp", 'V': "/var/tmp", 'h': "/root", 'u': "root", 'U': "0", 'g': "root", 'G': "0",
	}
}

// unescape undoes systemd-escape.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case strings.HasPrefix(s[i:], `\x`) && i+3 < len(s) && hex(s[i+2]) >= 0 && hex(s[i+3]) >= 0:
			b.WriteByte(byte(hex(s[i+2])<<4 | hex(s[i+3])))
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hex(c byte) int { return strings.IndexByte("0123456789abcdef", c) }

// mountUnits returns the names that mount units have, of a path and of all
// directories above it, the root first.
func mountUnits(path string) []string {
	names := []string{"-.mount"}
	for i := 1; i <= len(path); i++ {
		if i > 1 && (i == len(path) || path[i] == '/') {
			names = append(names, unitgen.EscapePath(path[:i])+".mount")
		}
	}
	return names
}
