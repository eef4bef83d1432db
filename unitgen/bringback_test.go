package unitgen_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/syscontainer/syscontainer/tests/golden"
	"github.com/syscontainer/syscontainer/unitgen"
)

func TestBringBack(t *testing.T) {
	text, err := unitgen.BringBack("/usr/libexec/syscontainer-launch", "flannel-2.service")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/bringback.conf", text)
	if _, err := unitgen.ParseUnit("bringback.conf", text); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "flannel", "x.socket", `a\x2db.service`, "a b.service", "x@y.service", "$(x).service", ".service"} {
		_, err := unitgen.BringBack("/l", name)
		var nameErr *unitgen.NameError
		if !errors.As(err, &nameErr) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestRequires(t *testing.T) {
	unit, err := unitgen.ParseUnit("x.service", []byte("[Unit]\nRequires=a.service b.socket\nBindsTo=c@1.service a.service\n"+
		"Requisite=d.service\nWants=e.service\nRequires=%i.service f@.service\n[Service]\nRequires=g.service\n"))
	if got := unit.Requires(); err != nil || !slices.Equal(got, []string{"a.service", "d.service", "c@1.service"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRequiredBy(t *testing.T) {
	unit, err := unitgen.ParseUnit("x.service", []byte("[Install]\nRequiredBy=a.service b.target a.service\nRequiredBy=c@1.service %i.service\n"+
		"WantedBy=d.service\n[Unit]\nRequiredBy=e.service\n"))
	if got := unit.RequiredBy(); err != nil || !slices.Equal(got, []string{"a.service"}) {
		t.Errorf("got %q, %v", got, err)
	}
}
