package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable shows the control characters of a text as \u001b, but for the ends of lines and
// tabs: names and values come from others, and a terminal would obey them. In JSON, where
// only characters of strings can be concerned, it is the same text.
func printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && strings.HasPrefix(text[i:], "\uFFFD"), r == '\n', r == '\t':
			b.WriteRune(r)
		case r == utf8.RuneError:
			fmt.Fprintf(&b, "\\u%04x", text[i])
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
