package unitgen

import (
	"path"
	"slices"
	"strings"
)

// TmpfilesPaths returns the paths that a tmpfiles.d file makes: files, directories,
// copies and the like, in the order of the file. Lines that only change or remove
// things have none here, nor have paths with specifiers, which nobody knows before
// systemd-tmpfiles does, and lines that it would refuse.
func TmpfilesPaths(text []byte) []string {
	var paths []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		end := max(0, strings.IndexAny(line, " \t"))
		kind, rest := line[:end], line[end:]
		if kind == "" || !strings.Contains("fFdDvqQpLcbC", kind[:1]) {
			continue
		}
		p, ok := firstWord(strings.TrimLeft(rest, " \t"))
		if !ok || !path.IsAbs(p) {
			continue
		}
		if p = path.Clean(p); !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// firstWord reads a word as quotePath writes it. It is not ok when the word has no
// end, an escape or a specifier that quotePath never writes.
func firstWord(s string) (word string, ok bool) {
	quoted := strings.HasPrefix(s, `"`)
	s = strings.TrimPrefix(s, `"`)
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '"', !quoted && (c == ' ' || c == '\t'):
			return b.String(), true
		case c == '\\' || c == '%':
			i++
			if i == len(s) || c == '%' && s[i] != '%' || c == '\\' && s[i] != '\\' && s[i] != '"' {
				return "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), !quoted
}
