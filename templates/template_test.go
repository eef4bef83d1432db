package templates

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRenderDialect(t *testing.T) {
	values := Values{
		"A": "1", "AB": "2", "_a9": "3", "EMPTY": "", "Z": "$A ${A} $$",
	}
	tests := []struct{ name, template, want string }{
		{"empty", "", ""},
		{"no variable", "a { } \\ é\n", "a { } \\ é\n"},
		{"plain", "$A", "1"},
		{"braces", "${A}", "1"},
		{"longest match", "$AB", "2"},
		{"braces end a name", "${A}B", "1B"},
		{"a name ends at other characters", "$A-$A.$A/$A}", "1-1.1/1}"},
		{"a name ends at a letter beyond ASCII", "$Aé", "1é"},
		{"underscore and digits", "$_a9 ${_a9}", "3 3"},
		{"adjacent", "$A$AB${A}", "121"},
		{"dollar", "$$", "$"},
		{"dollar before a name", "$$A $${A} $$$A", "$A ${A} $1"},
		{"dollars", "$$$$", "$$"},
		{"one pass", "$Z", "$A ${A} $$"},
		{"an empty value is a value", "[$EMPTY]", "[]"},
		{"not UTF-8", "\xff$A\xfe", "\xff1\xfe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustParse(t, tt.template).Render(Text, values)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	const hint = " is not a variable (a dollar sign is written $$)"
	tests := []struct {
		template string
		want     []string
	}{
		{"$", []string{`f:1:1: "$"`}},
		{"a\nb $", []string{`f:2:3: "$"`}},
		{"$1", []string{`f:1:1: "$1"`}},
		{"$(x)", []string{`f:1:1: "$("`}},
		{"$ A", []string{`f:1:1: "$ "`}},
		{"$é", []string{`f:1:1: "$é"`}},
		{"éé $-", []string{`f:1:4: "$-"`}},
		{"$$$", []string{`f:1:3: "$"`}},
		{"${", []string{`f:1:1: "${"`}},
		{"${}", []string{`f:1:1: "${}"`}},
		{"${A", []string{`f:1:1: "${A"`}},
		{"${A-b}", []string{`f:1:1: "${A-"`}},
		{"${1}", []string{`f:1:1: "${1"`}},
		{"${A\n}", []string{`f:1:1: "${A\n"`}},
		{"${$A}", []string{`f:1:1: "${$"`}},
		{"$1\r\n$A $2\n$$$3", []string{`f:1:1: "$1"`, `f:2:4: "$2"`, `f:3:3: "$3"`}},
	}
	for _, tt := range tests {
		t.Run(tt.template, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.template))
			if err == nil {
				t.Fatal("no error")
			}
			want := strings.Join(tt.want, hint+"\n") + hint
			if err.Error() != want {
				t.Errorf("got\n%v\nwant\n%v", err, want)
			}
		})
	}
}

func TestSyntaxErrorHasPosition(t *testing.T) {
	_, err := Parse("dir/service.template", []byte("[Unit]\nX=$("))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("got %T", err)
	}
	if syntax.File != "dir/service.template" || syntax.Line != 2 || syntax.Column != 3 {
		t.Errorf("got %v", syntax.Position)
	}
}

func TestVariables(t *testing.T) {
	got := mustParse(t, "$B ${A} $$C $B $D$A").Variables()
	if want := []string{"B", "A", "D"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRenderNamesAllMissing(t *testing.T) {
	_, err := mustParse(t, "$B $A $B ${C} $D").Render(JSON, Values{"A": ""})
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v", err)
	}
	if got, want := err.Error(), "t:1:1: no value for $B\nt:1:10: no value for $C\nt:1:15: no value for $D"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// failure is a rendering that is refused; want is the whole error.
type failure struct {
	name     string
	template string
	values   Values
	want     string
}

func checkFailures(t *testing.T, format Format, tests []failure) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustParse(t, tt.template).Render(format, tt.values)
			if err == nil {
				t.Fatalf("no error; rendered %q", got)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %v\nwant %v", err, tt.want)
			}
			if got != nil {
				t.Errorf("an error, and text: %q", got)
			}
		})
	}
}

// success is a rendering that must give want.
type success struct {
	name     string
	template string
	values   Values
	want     string
}

func checkSuccesses(t *testing.T, format Format, tests []success) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustParse(t, tt.template).Render(format, tt.values)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRenderText(t *testing.T) {
	checkSuccesses(t, Text, []success{
		{"anything", "<$A>", Values{"A": "a\r\n\"%\\\xff"}, "<a\r\n\"%\\\xff>"},
	})
	checkFailures(t, Text, []failure{
		{
			"NUL", "x\n<$A>", Values{"A": "secret\x00"},
			"t:2:2: the value of $A contains a NUL byte",
		},
		{
			"each variable once, all of them", "$A $B $A", Values{"A": "\x00", "B": "\x00"},
			"t:1:1: the value of $A contains a NUL byte\nt:1:4: the value of $B contains a NUL byte",
		},
	})
}
