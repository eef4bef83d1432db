package templates

import (
	"strings"
	"testing"
)

const (
	wantBreak     = " contains a line break"
	wantBackslash = " would end its line with a backslash, which joins the next line to it"
	wantMarker    = " would make its line a comment or a section header"
	wantLong      = " would make its line longer than systemd reads (1 MiB)"
)

func TestRenderUnit(t *testing.T) {
	checkSuccesses(t, Unit, []success{
		{"percent", "A=$A", Values{"A": "%n 100%"}, "A=%%n 100%%"},
		{"percent of the template", "A=%n $A", Values{"A": ""}, "A=%n "},
		{"empty", "A=$A\nB=$A\n", Values{"A": ""}, "A=\nB=\n"},
		{"quotes, dollars", "A=$A", Values{"A": `"'$B ${B}`}, `A="'$B ${B}`},
		{"backslash inside", "A=$A c\n", Values{"A": `a\`}, "A=a\\ c\n"},
		{"backslashes inside a value", "A=$A\n", Values{"A": `\\a\b`}, "A=\\\\a\\b\n"},
		{"continuation of the template", "A=$A \\\n  $B\nC=", Values{"A": "1", "B": "2"}, "A=1 \\\n  2\nC="},
		{"marks inside a line", "A=$A\n", Values{"A": "#;["}, "A=#;[\n"},
		{"name of a section", "[$A]\n", Values{"A": "Unit"}, "[Unit]\n"},
		{"line breaks of the template", "\r\nA=$A\r\n", Values{"A": "x"}, "\r\nA=x\r\n"},
		{"a directive where the template leaves a line for it", "$A\n", Values{"A": "B=c"}, "B=c\n"},
		{"long", "A=$A\nB=$A", Values{"A": strings.Repeat("x", 1<<20-3)}, "A=" + strings.Repeat("x", 1<<20-3) + "\nB=" + strings.Repeat("x", 1<<20-3)},
	})
}

func TestRenderUnitRefuses(t *testing.T) {
	checkFailures(t, Unit, []failure{
		{"newline", "[Service]\nA=$A", Values{"A": "x\nB=y"}, "t:2:3: the value of $A" + wantBreak},
		{"carriage return", "A=$A", Values{"A": "x\rB=y"}, "t:1:3: the value of $A" + wantBreak},
		{"NUL", "A=$A", Values{"A": "x\x00B=y"}, "t:1:3: the value of $A contains a NUL byte"},
		{"newline in a comment", "# $A", Values{"A": "\n"}, "t:1:3: the value of $A" + wantBreak},
		{"not UTF-8", "A=$A", Values{"A": "\xff"}, "t:1:3: the value of $A is not valid UTF-8"},
		{"continuation", "A=$A\nB=", Values{"A": `x\`}, "t:1:3: the value of $A" + wantBackslash},
		{"continuation of the last line", "A=$A", Values{"A": `x\`}, "t:1:3: the value of $A" + wantBackslash},
		{"continuation of a comment", "#$A\nB=", Values{"A": `x\`}, "t:1:2: the value of $A" + wantBackslash},
		{"continuation before CRLF", "A=$A\r\nB=", Values{"A": `x\`}, "t:1:3: the value of $A" + wantBackslash},
		{"continuation before blanks", "A=$A \t\nB=", Values{"A": `x\ `}, "t:1:3: the value of $A" + wantBackslash},
		{"continuation before empty values", "A=$A$B $B\nB=", Values{"A": `x\`, "B": ""}, "t:1:3: the value of $A" + wantBackslash},
		{"even backslashes, too", "A=$A\nB=", Values{"A": `x\\`}, "t:1:3: the value of $A" + wantBackslash},
		{"an empty value exposes a backslash", "A=\\$A\nB=", Values{"A": ""}, "t:1:4: the value of $A" + wantBackslash},
		{"a blank value exposes a backslash", "A=\\$A$B\nB=", Values{"A": "", "B": " "}, "t:1:6: the value of $B" + wantBackslash},
		{"a value escapes a backslash", "A=$A\\\nB=", Values{"A": `x\`}, "t:1:3: the value of $A" + wantBackslash},
		{"comment within a continuation", "A=x \\\n  $A\nB=", Values{"A": "# x"}, "t:2:3: the value of $A" + wantMarker},
		{"comment within a continuation, blank first", "A=x \\\n$A\nB=", Values{"A": " ; x"}, "t:2:1: the value of $A" + wantMarker},
		{"an empty value exposes a comment", "A=x \\\n$A$B;\nB=", Values{"A": "", "B": ""}, "t:2:3: the value of $B" + wantMarker},
		{"section", "$A\nB=", Values{"A": "[Install]"}, "t:1:1: the value of $A" + wantMarker},
		{"too long", "A=$A\nB=$B", Values{"A": strings.Repeat("x", 1<<20-2), "B": ""}, "t:1:3: the value of $A" + wantLong},
		{"too long doubled", "A=$A", Values{"A": strings.Repeat("%", 1<<19)}, "t:1:3: the value of $A" + wantLong},
	})
}

func TestRenderEnvironment(t *testing.T) {
	const nasty = "a\"b'c\\d%n$E ;# [x]\n\r\té\x01\x7f"
	checkSuccesses(t, Unit, []success{
		{"plain", "Environment=A=$A", Values{"A": "http://x:1/?a=b,c"}, "Environment=A=http://x:1/?a=b,c"},
		{"quotes of the template", `Environment="A=$A" 'B=$A'`, Values{"A": "x y"}, `Environment="A=x y" 'B=x y'`},
		{"nasty, unquoted", "Environment=A=$A B=1", Values{"A": nasty}, `Environment=A=a\"b\'c\x5cd%%n$E\x20;#\x20[x]\n\x0d\x09é\x01\x7f B=1`},
		{"nasty, in double quotes", `Environment="A=$A"`, Values{"A": nasty}, `Environment="A=a\"b'c\x5cd%%n$E ;# [x]\n\x0d\x09é\x01\x7f"`},
		{"nasty, in single quotes", `Environment='A=$A'`, Values{"A": nasty}, `Environment='A=a"b\'c\x5cd%%n$E ;# [x]\n\x0d\x09é\x01\x7f'`},
		{"on the next line", "Environment=A=1 \\\n# $A\n\tB=$A\n", Values{"A": "x y"}, "Environment=A=1 \\\n# x y\n\tB=x\\x20y\n"},
		{"after a CRLF", "Environment=A=1 \\\r\n\tB=$A\r\nX=$A", Values{"A": "x y"}, "Environment=A=1 \\\r\n\tB=x\\x20y\r\nX=x y"},
		{"a whole assignment", `Environment="$A"`, Values{"A": `B=c" "D=e`}, `Environment="B=c\" \"D=e"`},
		{"assignments where the template leaves them to the value", "Environment=$A", Values{"A": `B=c "D=e f"`}, `Environment=B=c "D=e f"`},
		{"no assignments", "Environment=$A", Values{"A": ""}, "Environment="},
		{"part of a name", "Environment=A_$A=1", Values{"A": "b1"}, "Environment=A_b1=1"},
		{"other settings", "ExecStart=/x $A", Values{"A": `-a "b c"`}, `ExecStart=/x -a "b c"`},
		{"a name like it", "PassEnvironment=$A", Values{"A": "A B"}, "PassEnvironment=A B"},
	})
	checkFailures(t, Unit, []failure{
		{"open quote", "Environment=$A B=1", Values{"A": `A="x`}, "t:1:13: the value of $A opens a quote or begins an escape sequence that it does not end"},
		{"line break where no assignment is", "Environment=$A", Values{"A": "A=1\nB=2"}, "t:1:13: the value of $A" + wantBreak},
		{"more than a name", "Environment=A_$A=1", Values{"A": "x=1 B"}, "t:1:15: the value of $A is part of the name of a variable and holds more than letters, digits and _"},
		{"after a backslash", `Environment=A=\$A`, Values{"A": "n"}, "t:1:16: the value of $A " + reasonEscape},
		{"too long for a program", "Environment=A=$A", Values{"A": strings.Repeat("x", 1<<20)}, "t:1:15: the value of $A " + reasonVariable},
		{"NUL", "Environment=A=$A", Values{"A": "\x00"}, "t:1:15: the value of $A contains a NUL byte"},
		{"not UTF-8", "Environment=A=$A", Values{"A": "\xff"}, "t:1:15: the value of $A is not valid UTF-8"},
	})
}

func TestRenderTmpfiles(t *testing.T) {
	checkSuccesses(t, Tmpfiles, []success{
		{"percent", "d /x/$A", Values{"A": "50%"}, "d /x/50%%"},
		{"no continuation lines here", "f /x - - - - $A\nd /y\n", Values{"A": `a\`}, "f /x - - - - a\\\nd /y\n"},
	})
	checkFailures(t, Tmpfiles, []failure{
		{"newline", "d $A", Values{"A": "/x\nr /etc"}, "t:1:3: the value of $A" + wantBreak},
		{"carriage return", "d $A", Values{"A": "/x\rr /etc"}, "t:1:3: the value of $A" + wantBreak},
		{"NUL", "d $A", Values{"A": "\x00"}, "t:1:3: the value of $A contains a NUL byte"},
		{"comment", "$A /x", Values{"A": "#"}, "t:1:1: the value of $A" + wantMarker},
	})
}
