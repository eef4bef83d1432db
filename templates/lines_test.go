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
