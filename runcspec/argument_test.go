package runcspec_test

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

// The kernel refuses a longer string in execve(2), when the container starts.
func TestCheckOfLongArguments(t *testing.T) {
	for _, tc := range []struct {
		arg, env string
		want     string // pointer of the violation; "" for none
	}{
		{strings.Repeat("x", 128<<10-1), "A=" + strings.Repeat("x", 128<<10-3), ""},
		{strings.Repeat("x", 128<<10), "A=b", "/process/args/1"},
		{"x", "A=" + strings.Repeat("x", 128<<10-2), "/process/env/0"},
	} {
		err := runcspec.Check(&specs.Spec{Process: &specs.Process{Args: []string{"/x", tc.arg}, Env: []string{tc.env}}})
		found := ""
		for _, violation := range violations(err) {
			if strings.Contains(violation.Reason, "no more than 131071") {
				found += violation.Pointer
			}
			if len(violation.Error()) > 1000 {
				t.Errorf("the error is %d bytes long", len(violation.Error()))
			}
		}
		if found != tc.want {
			t.Errorf("got %q, want %q", found, tc.want)
		}
	}
}

func violations(err error) []*runcspec.Violation {
	var found []*runcspec.Violation
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, one := range many.Unwrap() {
			var v *runcspec.Violation
			if errors.As(one, &v) {
				found = append(found, v)
			}
		}
	}
	return found
}
