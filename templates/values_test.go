package templates

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestIsForced(t *testing.T) {
	for _, name := range []string{
		"NAME", "IMAGE_NAME", "IMAGE_ID", "DESTDIR", "HOST_UID", "HOST_GID",
		"EXEC_START", "EXEC_STOP", "EXEC_STARTPRE", "EXEC_STOPPOST",
	} {
		if !IsForced(name) {
			t.Errorf("%s is not forced", name)
		}
	}
	for _, name := range []string{
		"RUN_DIRECTORY", "STATE_DIRECTORY", "CONF_DIRECTORY", "PIDFILE",
		"RUNTIME", "ATOMIC", "UUID", "ALL_PROCESS_CAPABILITIES", "EXEC_ARGS", "name", "",
	} {
		if IsForced(name) {
			t.Errorf("%s is forced", name)
		}
	}
}

func TestMergePrecedence(t *testing.T) {
	forced := map[string]string{"NAME": "forced"}
	set := map[string]string{"A": "set", "EMPTY": ""}
	image := map[string]string{"NAME": "image", "A": "image", "B": "image", "EMPTY": "image", "HOST_UID": "image"}
	defaults := map[string]string{"A": "default", "B": "default", "C": "default"}
	got, err := Merge(forced, set, image, defaults)
	if err != nil {
		t.Fatal(err)
	}
	want := Values{"NAME": "forced", "A": "set", "EMPTY": "", "B": "image", "C": "default"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(defaults) != 3 || len(image) != 5 || len(set) != 2 || len(forced) != 1 {
		t.Error("an argument was changed")
	}
}

func TestMergeRefusesForced(t *testing.T) {
	forced := map[string]string{"NAME": "x", "MINE": "y"}
	set := map[string]string{"NAME": "a", "MINE": "b", "DESTDIR": "c", "OK": "d"}
	_, err := Merge(forced, set, nil, nil)
	var refused *ForcedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	if got, want := err.Error(), "setting DESTDIR, MINE, NAME: the value is fixed and cannot be set"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMergeOfNothing(t *testing.T) {
	got, err := Merge(nil, nil, nil, nil)
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseAssignment(t *testing.T) {
	tests := []struct{ text, name, value string }{
		{"A=b", "A", "b"},
		{"PORT=", "PORT", ""},
		{"_a1=b=c ", "_a1", "b=c "},
		{"A= x\n", "A", " x\n"},
	}
	for _, tt := range tests {
		name, value, err := ParseAssignment(tt.text)
		if err != nil || name != tt.name || value != tt.value {
			t.Errorf("%q: got %q, %q, %v", tt.text, name, value, err)
		}
	}
}

func TestParseAssignmentErrors(t *testing.T) {
	tests := []struct {
		text string
		want error
		name string
	}{
		{"", ErrAssignment, "not an assignment"},
		{"secret", ErrAssignment, "not an assignment"},
		{"=secret", ErrName, `""`},
		{"1A=secret", ErrName, `"1A"`},
		{"A-B=secret", ErrName, `"A-B"`},
		{" A=secret", ErrName, `" A"`},
		{"É=secret", ErrName, `"É"`},
	}
	for _, tt := range tests {
		_, _, err := ParseAssignment(tt.text)
		if !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.text, err, tt.want)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, tt.name) || strings.Contains(got, "secret") {
			t.Errorf("%q: got %q", tt.text, got)
		}
	}
}

func TestUnused(t *testing.T) {
	set := map[string]string{"B": "", "A": "", "C": ""}
	if got, want := Unused(set, []string{"X", "C", "C"}), []string{"A", "B"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Unused(nil, []string{"X"}); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestDefaultServiceIsTheCallers(t *testing.T) {
	first := DefaultService()
	first[0] = 'x'
	if DefaultService()[0] != '[' {
		t.Error("the default template changed")
	}
}
