package templates

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRenderEnvFile(t *testing.T) {
	const nasty = "a\"b'c\\d%n$E `f` ;&|<>()*?[]{}!~#\té\x01"
	const broken = nasty + "\n\rg"
	checkSuccesses(t, EnvFile, []success{
		{"plain", "A=$A\nB=\"$A\"\nC='$A'\n", Values{"A": "http://x:1/?"[:11]}, "A=http://x:1/\nB=\"http://x:1/\"\nC='http://x:1/'\n"},
		{"empty", "A=$A\nB=\"$A\"\n", Values{"A": ""}, "A=\nB=\"\"\n"},
		{"blanks", "A=$A\nB=\"$A\"\n", Values{"A": " -a -b "}, "A=\\ -a\\ -b\\ \nB=\" -a -b \"\n"},
		{"nasty, unquoted", "A=$A\n", Values{"A": nasty}, `A=a\"b\'c\\d%n\$E\ \` + "`" + `f\` + "`" + `\ \;\&\|\<\>\(\)\*\?\[\]\{\}\!\~\#\` + "\té\\\x01\n"},
		{"broken, in double quotes", `A="$A"`, Values{"A": broken}, `A="a\"b'c\\d%n\$E \` + "`" + `f\` + "`" + ` ;&|<>()*?[]{}!~#` + "\té\x01\n\rg\""},
		{"broken, in single quotes", `A='$A'`, Values{"A": broken}, `A='a"b'"'"'c\d%n$E ` + "`f`" + ` ;&|<>()*?[]{}!~#` + "\té\x01\n\rg'"},
		{"export", "export A=$A\n", Values{"A": "x"}, "export A=x\n"},
		{"comments", "# $A\n; $A\nA=1\n", Values{"A": "it's \"5\" % $B"}, "# it's \"5\" % $B\n; it's \"5\" % $B\nA=1\n"},
		{"an assignment where the template leaves a line for it", "$A\nB=$A\n", Values{"A": `C="d e"`}, "C=\"d e\"\nB=C=\\\"d\\ e\\\"\n"},
		{"no assignment", "$A\nB=1\n", Values{"A": ""}, "\nB=1\n"},
		{"part of a name", "A_$A=1", Values{"A": "b"}, "A_b=1"},
		{"a command of a shell", ". $A/x\n", Values{"A": "/etc"}, ". /etc/x\n"},
		{"continuation of the template", "A=x\\\n$A\nB=$A", Values{"A": "y z"}, "A=x\\\ny\\ z\nB=y\\ z"},
		{"behind a closing quote", `A="x"$A`, Values{"A": " y"}, `A="x"\ y`},
	})
	checkFailures(t, EnvFile, []failure{
		{"line break", "A=1\nB=$A\n", Values{"A": "x\nC=y"}, "t:2:3: the value of $A contains a line break, which needs quotes around the variable"},
		{"carriage return", "B=$A\n", Values{"A": "x\rC=y"}, "t:1:3: the value of $A contains a line break, which needs quotes around the variable"},
		{"two assignments", "$A\n", Values{"A": "A=1\nB=2"}, "t:1:1: the value of $A" + wantBreak},
		{"a comment where a line begins", "$A$B\n", Values{"A": " #", "B": "x"}, "t:1:1: the value of $A would make its line a comment"},
		{"an open quote where a line begins", "$A\nB=1", Values{"A": `A="`}, "t:1:1: the value of $A opens a quote or begins an escape sequence that it does not end"},
		{"a quote that only shells see", "$A\nB=1", Values{"A": `A=x"`}, "t:1:1: the value of $A opens a quote or begins an escape sequence that it does not end"},
		{"a backslash where a line begins", "$A\nB=1", Values{"A": `A=\`}, "t:1:1: the value of $A opens a quote or begins an escape sequence that it does not end"},
		{"line break in a comment", "# $A", Values{"A": "x\nA=1"}, "t:1:3: the value of $A" + wantBreak},
		{"backslash at the end of a comment", "# $A\nA=1", Values{"A": `x\`}, "t:1:3: the value of $A ends with a backslash, which may join the next line to its own"},
		{"line break in a name", "A$A=1", Values{"A": "x\nB"}, "t:1:2: the value of $A" + wantBreak},
		{"after a backslash", `A="\$A"`, Values{"A": ""}, "t:1:5: the value of $A " + reasonEscape},
		{"in quotes that systemd does not see", `A=x"$A"`, Values{"A": "y z"}, "t:1:5: the value of $A is not plain, and its place is in quotes for a shell but not for systemd"},
		{"NUL", "A='$A'", Values{"A": "\x00"}, "t:1:4: the value of $A contains a NUL byte"},
		{"not UTF-8", "A='$A'", Values{"A": "\xff"}, "t:1:4: the value of $A is not valid UTF-8"},
		{"too long for a program", "A='$A'", Values{"A": strings.Repeat("x", 1<<20)}, "t:1:4: the value of $A " + reasonVariable},
	})
}

func FuzzEnvFileValue(f *testing.F) {
	for _, seed := range []string{
		"", "x", "a b", "a\nB=c", "a\r", "\x00", `a\`, `"`, "'", "`id`", "$(id)", "#", " x ", "\xff", "é", "~", "A=b", `\"'`, "\t",
	} {
		f.Add(seed, seed)
	}
	parsed, err := Parse("f", []byte("# $A\nU=$A\nD=\"-$A-\"\nS='$A$B'\nexport E=$A$B\nM=x$B \n; $B"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got, err := parsed.Render(EnvFile, Values{"A": a, "B": b})
		var refused *ValueError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"U=" + a, "D=-" + a + "-", "S=" + a + b, "export E=" + a + b, "M=x" + b}
		if is := readEnvFile(string(got)); !slices.Equal(is, want) {
			t.Errorf("systemd reads %q, want %q, from %q", is, want, got)
		}
	})
}

// readEnvFile reads the assignments of an environment file as systemd.exec(5)
// describes them, as the oracle of the format. Text is taken piece by piece
// with regular rules, and not state by state as the encoder does.
func readEnvFile(text string) []string {
	var found []string
	for text != "" {
		text = strings.TrimLeft(text, " \t\n\r")
		if strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
			_, text = cutLine(text)
			continue
		}
		end := strings.IndexAny(text, "=\n\r")
		if end < 0 || text[end] != '=' {
			_, text = cutLine(text)
			continue
		}
		key := strings.TrimRight(text[:end], " \t")
		var value string
		value, text = readEnvValue(text[end+1:])
		found = append(found, key+"="+value)
	}
	return found
}

func cutLine(text string) (line, rest string) {
	end := strings.IndexAny(text, "\n\r")
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end+1:]
}

// readEnvValue reads quoted pieces and, from the first character outside of
// quotes on, the rest of the line.
func readEnvValue(text string) (value, rest string) {
	for {
		text = strings.TrimLeft(text, " \t")
		quote := ""
		if text != "" {
			quote = text[:1]
		}
		if quote != `"` && quote != "'" {
			tail, rest := readUnquoted(text)
			return value + tail, rest
		}
		for text = text[1:]; text != "" && text[:1] != quote; text = text[1:] {
			if quote == `"` && text[0] == '\\' && len(text) > 1 {
				if strings.Contains("\"\\`$", text[1:2]) {
					text = text[1:]
				}
			}
			value += text[:1]
		}
		text = strings.TrimPrefix(text, quote)
	}
}

func readUnquoted(text string) (value, rest string) {
	kept := 0 // what blanks at the end are not cut off from
	for text != "" && text[0] != '\n' && text[0] != '\r' {
		if text[0] == '\\' && len(text) > 1 {
			value, text = value+text[1:2], text[2:]
			kept = len(value)
			continue
		}
		value, text = value+text[:1], text[1:]
	}
	for len(value) > kept && strings.Contains(" \t", value[len(value)-1:]) {
		value = value[:len(value)-1]
	}
	return value, strings.TrimLeft(text, "\n\r")
}
