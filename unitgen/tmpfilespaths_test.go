package unitgen_test

import (
	"slices"
	"testing"

	"github.com/syscontainer/syscontainer/unitgen"
)

func TestTmpfilesPaths(t *testing.T) {
	got := unitgen.TmpfilesPaths([]byte(`# d /comment
d /var/lib/etcd 0755 root root -
d	/tab 0755
f+ /run/x - - - - content with "quotes"
C! /srv/data/ - - - - /usr/share/data
d "/srv/100%% \"mine\"/it's\\n" 0755 root root -
d /var/lib/etcd 0700
z /var/lib/mode 0700
r /var/lib/gone
w /sys/x - - - - 1
d /run/%m 0755
d "/open
d relative
d
`))
	want := []string{"/var/lib/etcd", "/tab", "/run/x", "/srv/data", `/srv/100% "mine"/it's\n`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTmpfilesPathsReadsWhatTmpfilesForSourcesWrites(t *testing.T) {
	var sources []unitgen.Source
	paths := []string{"/a b/c", `/it's "quoted"`, "/100%", `/back\slash`, "/plain"}
	for _, p := range paths {
		sources = append(sources, unitgen.Source{Path: p, CopyOf: "/x"})
	}
	text, err := unitgen.TmpfilesForSources(sources)
	if err != nil {
		t.Fatal(err)
	}
	got := unitgen.TmpfilesPaths(text)
	slices.Sort(paths)
	if !slices.Equal(got, paths) {
		t.Errorf("got %q, want %q", got, paths)
	}
}
