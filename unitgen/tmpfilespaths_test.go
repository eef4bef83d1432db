package unitgen_test

import (
	"github.com/syscontainer/syscontainer/unitgen"
	"path"
	"slices"
	"strings"
	"testing"
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

// FuzzTmpfilesPaths shows that what is read of any file are absolute paths, and that what
// we write is read.
func FuzzTmpfilesPaths(f *testing.F) {
	f.Add([]byte("d /run/x 0755 - - -\nL+ /etc/x - - - - /y\n"), "/var/lib/x")
	f.Add([]byte("d \"/run/a b\\\"\" - -\nC /%n\n f+\t/x/../y"), "/a b\"'\\%\t")
	f.Add([]byte("d\n\"\n# d /x\r\nd /x\x00y\nd! /\\x41"), "/é\n")
	f.Fuzz(func(t *testing.T, text []byte, source string) {
		for _, p := range unitgen.TmpfilesPaths(text) {
			if !path.IsAbs(p) || path.Clean(p) != p {
				t.Errorf("the path %q", p)
			}
		}
		written, err := unitgen.TmpfilesForSources([]unitgen.Source{{Path: source}})
		if err != nil {
			return
		}
		if got := unitgen.TmpfilesPaths(written); len(got) != 1 || got[0] != path.Clean(source) {
			t.Errorf("got %q of %q", got, written)
		}
		if lines := strings.Count(string(written), "\n"); lines != 1 {
			t.Errorf("%d lines: %q", lines, written)
		}
	})
}
