package templates

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func FuzzUnitEnvironment(f *testing.F) {
	for _, seed := range []string{
		"", "x", "a b", `" "B=c`, "' 'B=c", "a\nB=c", "\r", "\x00", `a\`, `\x41`, `\`, "%n", "\u2000", "# a", "\xff", "é\x7f", "=", "$X ${Y}", "\t",
	} {
		f.Add(seed, seed)
	}
	parsed, err := Parse("f", []byte("[Service]\nEnvironment=U=$A$B \"D=$A\" \\\n  'S=-$B-' E=$B\nEnvironment=\"L=$A\"\nType=simple\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got, err := parsed.Render(Unit, Values{"A": a, "B": b})
		var refused *ValueError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"U=" + a + b, "D=" + a, "S=-" + b + "-", "E=" + b, "L=" + a}
		if is := readEnvironment(t, string(got)); !slices.Equal(is, want) {
			t.Errorf("systemd reads %q, want %q, from %q", is, want, got)
		}
	})
}

// readEnvironment reads the assignments of Environment= in a unit without
// comments, as systemd.syntax(7) describes them.
func readEnvironment(t *testing.T, unit string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(strings.ReplaceAll(unit, "\\\n", " ")) {
		value, ok := strings.CutPrefix(strings.Trim(line, " \t\r\n"), "Environment=")
		if !ok {
			continue
		}
		for _, word := range regexp.MustCompile(`(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^ \t"'\\])+`).FindAllString(value, -1) {
			found = append(found, strings.ReplaceAll(unquoteWord(t, word), "%%", "%"))
		}
	}
	return found
}

func unquoteWord(t *testing.T, word string) string {
	t.Helper()
	var out strings.Builder
	quote := byte(0)
	for word != "" {
		c := word[0]
		if c == '\\' && len(word) > 1 && (word[1] == '"' || word[1] == '\'') {
			out.WriteByte(word[1])
			word = word[2:]
			continue
		}
		if c == '\\' {
			r, multibyte, tail, err := strconv.UnquoteChar(word, 0)
			if err != nil || multibyte {
				t.Fatalf("%q: %v", word, err)
			}
			out.WriteByte(byte(r))
			word = tail
			continue
		}
		word = word[1:]
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
