package templates

import (
	"errors"
	"slices"
	"testing"
)

func TestRename(t *testing.T) {
	m := Manifest{RenameFiles: map[string]string{
		"/usr/local/bin/etcdctl": "/usr/local/bin/${NAME}ctl",
		"/etc/dir":               "/etc/$NAME",
		"/etc/web/file":          "$CONF/file.conf",
		"/etc/dir/never":         "/never",
		"/etc/deep":              "/a//b/./c/",
		"/a/b/c/d":               "/d$$",
		"/top":                   "/",
		"/loop":                  "/loop/x",
	}}
	values := Values{"NAME": "web", "CONF": "/opt/conf"}
	tests := []struct{ name, path, want string }{
		{"not named", "/usr/bin/x", "/usr/bin/x"},
		{"root", "/", "/"},
		{"cleaned", "//usr/./bin/x/", "/usr/bin/x"},
		{"file", "/usr/local/bin/etcdctl", "/usr/local/bin/webctl"},
		{"only whole components", "/usr/local/bin/etcdctl2", "/usr/local/bin/etcdctl2"},
		{"directory", "/etc/dir", "/etc/web"},
		{"file below a renamed directory", "/etc/dir/x/y", "/etc/web/x/y"},
		{"directory, then a file within it", "/etc/dir/file", "/opt/conf/file.conf"},
		{"keys below a renamed directory have its new path", "/etc/dir/never", "/etc/web/never"},
		{"target is cleaned", "/etc/deep/x", "/a/b/c/x"},
		{"target is looked up with what follows", "/etc/deep/d", "/d$"},
		{"to the top", "/top/x", "/x"},
		{"each component is renamed once", "/loop/y", "/loop/x/y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := m.Rename(tt.path, values)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRenameErrors(t *testing.T) {
	m := Manifest{RenameFiles: map[string]string{"/a": "/b/$A", "/c": "$A"}}
	const target = `: manifest.json: renameFiles["/a"]: its value `
	tests := []struct {
		name, path string
		values     Values
		want       string
	}{
		{"relative", "a", nil, `renaming "a": must be an absolute path`},
		{"climbing", "/x/../a", nil, `renaming "/x/../a": must be a path without ".."`},
		{"missing", "/a", nil, `renaming "/a": manifest.json renameFiles["/a"]:1:4: no value for $A`},
		{"climbing value", "/a/x", Values{"A": "../etc"}, `renaming "/a/x"` + target + `must be a path without ".."`},
		{"NUL", "/a", Values{"A": "\x00"}, `renaming "/a": manifest.json renameFiles["/a"]:1:4: the value of $A contains a NUL byte`},
		{"relative value", "/c", Values{"A": "x"}, `renaming "/c": manifest.json: renameFiles["/c"]: its value must be an absolute path`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := m.Rename(tt.path, tt.values)
			if err == nil {
				t.Fatalf("no error; got %q", got)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %v\nwant %v", err, tt.want)
			}
		})
	}
}

func TestRenameKeepsErrorTypes(t *testing.T) {
	m := Manifest{RenameFiles: map[string]string{"/a": "/$A"}}
	_, err := m.Rename("/a", nil)
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}

func TestManifestVariables(t *testing.T) {
	m := Manifest{RenameFiles: map[string]string{"/a": "/$B$A", "/c": "/${A}$$C"}}
	if got, want := m.Variables(), []string{"A", "B"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
