package unitgen_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/golden"
	"github.com/syscontainer/syscontainer/unitgen"
)

func TestTmpfilesForSources(t *testing.T) {
	text, err := unitgen.TmpfilesForSources([]unitgen.Source{
		{Path: "/var/lib/etcd"},
		{Path: "/etc/etcd"},
		{Path: "/etc/etcd", File: true},
		{Path: "/etc/motd.d/x", File: true},
		{Path: "/var/lib/etcd"},
		{Path: `/srv/100% "mine"/it's\n`},
		{Path: "/srv/é#;*$HOME"},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/sources.tmpfiles", text)
}

func TestTmpfilesForSourcesRefuses(t *testing.T) {
	paths := []string{"", "a", "/a/", "/a/../b", "/a\nd /b", "/a\tb", "/a\xff", "/a\x00"}
	var sources []unitgen.Source
	for _, p := range paths {
		sources = append(sources, unitgen.Source{Path: p})
	}
	text, err := unitgen.TmpfilesForSources(sources)
	if text != nil || err == nil || strings.Count(err.Error(), "\n") != len(paths)-1 {
		t.Errorf("got %q and:\n%v", text, err)
	}
}

func TestTmpfilesForNoSources(t *testing.T) {
	if text, err := unitgen.TmpfilesForSources(nil); len(text) != 0 || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}
