package install_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// The tests here go through the tables of docs/image-format.md, which is the
// contract of the images of the atomic command, row by row. How the dialect itself
// works is tested in package templates.

// oldUnit shows a unit of such an image; a line of its own for each variable.
func oldUnit(names ...string) string {
	unit := "[Service]\nExecStart=$EXEC_START\nExecStop=$EXEC_STOP\n"
	for _, name := range names {
		unit += "# " + name + "=<${" + name + "}>\n"
	}
	return unit
}

func TestContractOfVariables(t *testing.T) {
	const launch = "/usr/libexec/syscontainer-launch --runtime=/usr/bin/runc --pid-file=/run/container-x.pid --bundle=/var/lib/syscontainer/containers/x/deploy/1 x"
	rows := []struct {
		name, want string
		free       string // a value that a user may set, "" where nobody may
	}{
		{"NAME", "x", ""},
		{"IMAGE_NAME", "old", ""},
		{"IMAGE_ID", digest.FromString("old").Encoded(), ""},
		{"DESTDIR", "/var/lib/syscontainer/containers/x/deploy/1", ""},
		{"EXEC_START", launch, ""},
		{"EXEC_STOP", "", ""},
		{"EXEC_STARTPRE", "", ""},
		{"EXEC_STOPPOST", "", ""},
		{"HOST_UID", strconv.Itoa(os.Getuid()), ""},
		{"HOST_GID", strconv.Itoa(os.Getgid()), ""},
		{"RUN_DIRECTORY", "/run", "/run/other"},
		{"STATE_DIRECTORY", "/var/lib", "/srv"},
		{"CONF_DIRECTORY", "/etc", "/srv/etc"},
		{"PIDFILE", "/run/container-x.pid", "/run/other.pid"},
		{"RUNTIME", "/usr/bin/runc", "/opt/crun"},
		{"ATOMIC", "/usr/bin/syscontainer", "/opt/atomic"},
		{"UUID", "5e1f8d9c-0000-4000-8000-000000000000", "mine"},
		{"ALL_PROCESS_CAPABILITIES", `"CAP_CHOWN", "CAP_KILL"`, `"CAP_KILL"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			value := func(manifest string, set map[string]string) string {
				s := newScene(t)
				s.write("opt/crun", "#!", 0o755)
				s.images.images["old"] = with(dbImage(), fstest.MapFS{
					"exports/service.template": file(oldUnit(row.name), 0o644), "exports/manifest.json": file(manifest, 0o644),
					"exports/config.json.template": file(strings.Replace(configTemplate, "$PORT", "x", 1), 0o644), "exports/hostfs/etc/db.conf": nil,
				})
				result, err := s.Install(t.Context(), deployment.Request{Image: "old", Name: "x", Values: set})
				if err != nil {
					t.Fatal(err)
				}
				if len(result.Warnings) > 0 {
					t.Errorf("warnings %q", result.Warnings)
				}
				_, rest, _ := strings.Cut(s.read("etc/systemd/system/x.service"), "# "+row.name+"=<")
				text, _, _ := strings.Cut(rest, ">\n")
				return text
			}
			if got := value("{}", nil); got != row.want {
				t.Errorf("it is %q, want %q", got, row.want)
			}
			defaults := `{"defaultValues": {"` + row.name + `": ` + strconv.Quote(row.free) + `}}`
			if row.free == "" {
				if got := value(defaults, nil); got != row.want {
					t.Errorf("the manifest makes it %q", got)
				}
				s := newScene(t)
				s.images.images["old"] = dbImage()
				_, err := s.Install(t.Context(), deployment.Request{Image: "old", Values: map[string]string{row.name: "mine"}})
				var usage *hint.UsageError
				if !errors.As(err, &usage) {
					t.Errorf("setting it: %v", err)
				}
				return
			}
			if got := value(defaults, nil); got != row.free {
				t.Errorf("the manifest makes it %q, want %q", got, row.free)
			}
			if got := value(strings.Replace(defaults, strconv.Quote(row.free), `"/never"`, 1), map[string]string{row.name: row.free}); got != row.free {
				t.Errorf("setting it makes it %q, want %q", got, row.free)
			}
		})
	}
}

// row is an image and what it comes to on the host.
type row struct {
	name  string
	files fstest.MapFS
	set   map[string]string
	want  map[string]string // path -> content; "" when it must not be there
	says  string            // in the error or, if there is none, in the warnings
	fails bool
}

func (r row) check(t *testing.T) {
	t.Helper()
	s := newScene(t)
	s.images.images["old"] = r.files
	result, err := s.Install(t.Context(), deployment.Request{Image: "old", Name: "x", Values: r.set})
	if (err != nil) != r.fails {
		t.Fatalf("error %v", err)
	}
	said := ""
	if err != nil {
		said = err.Error()
	} else {
		said = strings.Join(result.Warnings, "\n")
	}
	if !strings.Contains(said, r.says) || r.says == "" && said != "" {
		t.Errorf("it says %q, want %q", said, r.says)
	}
	for _, name := range slices.Sorted(maps.Keys(r.want)) {
		data, err := os.ReadFile(filepath.Join(s.root, name))
		if r.want[name] == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %q, %v; it should not be there", name, data, err)
			}
		} else if !strings.Contains(string(data), r.want[name]) {
			t.Errorf("%s: %q, %v; want %q", name, data, err, r.want[name])
		}
	}
}

const (
	plainConfig = `{"ociVersion": "1.0.0", "process": {"args": ["/bin/db"], "cwd": "/", "env": ["V=$V"]}, "root": {"path": "rootfs", "readonly": true}, "linux": {"namespaces": [{"type": "mount"}]}}`
	unitFile    = "etc/systemd/system/x.service"
	configFile  = "var/lib/syscontainer/containers/x/deploy/1/config.json"
	vIs1        = `{"defaultValues": {"V": 1}}`
)

func TestContractOfFiles(t *testing.T) {
	for _, r := range []row{
		{
			name:  "config.json is taken as it is and wins over the template",
			files: fstest.MapFS{"exports/config.json": file(plainConfig, 0o644), "exports/config.json.template": file("$MISSING", 0o644)},
			want:  map[string]string{configFile: `"V=$V"`},
		},
		{
			name:  "config.json.template is rendered",
			files: fstest.MapFS{"exports/config.json.template": file(plainConfig, 0o644), "exports/manifest.json": file(vIs1, 0o644)},
			want:  map[string]string{configFile: `"V=1"`},
		},
		{
			name:  "service.template is rendered",
			files: fstest.MapFS{"exports/config.json": file(plainConfig, 0o644), "exports/service.template": file("[Service]\nExecStart=$EXEC_START\nExecReload=/bin/kill $$MAINPID # $V\n", 0o644)},
			set:   map[string]string{"V": "2"},
			want:  map[string]string{unitFile: "ExecReload=/bin/kill $MAINPID # 2\n"},
		},
		{
			name:  "no service.template",
			files: fstest.MapFS{"exports/config.json": file(plainConfig, 0o644)},
			want:  map[string]string{unitFile: "Description=x, system container of old\n"},
		},
		{
			name:  "tmpfiles.template is rendered",
			files: fstest.MapFS{"exports/config.json": file(plainConfig, 0o644), "exports/tmpfiles.template": file("d $STATE_DIRECTORY/$NAME\n", 0o644)},
			want:  map[string]string{"etc/tmpfiles.d/x.conf": "d /var/lib/x\n"},
		},
		{
			name:  "hostfs is put onto the host",
			files: fstest.MapFS{"exports/config.json": file(plainConfig, 0o644), "exports/hostfs/etc/a": file("$V\n", 0o644)},
			want:  map[string]string{"etc/a": "$V\n"},
		},
		{
			name:  "manifest.json that is no JSON is an error with the image's name",
			files: fstest.MapFS{"exports/manifest.json": file("{\n\"a\" 1}", 0o644)},
			says:  "reading exports/manifest.json of old: manifest.json:2:5: invalid JSON", fails: true,
		},
	} {
		t.Run(r.name, r.check)
	}
}

func TestContractOfTheManifest(t *testing.T) {
	image := func(manifest string, files fstest.MapFS) fstest.MapFS {
		return with(with(fstest.MapFS{
			"exports/config.json": file(plainConfig, 0o644), "exports/manifest.json": file(manifest, 0o644),
			"exports/hostfs/usr/local/bin/ctl": file("ctl $V", 0o755), "exports/hostfs/etc/dir/file": file("f $$V", 0o644),
		}, nil), files)
	}
	for _, r := range []row{
		{name: "version", files: image(`{"version": "1.0"}`, nil)},
		{name: "version is not interpreted", files: image(`{"version": {"x": 99}}`, nil)},
		{
			name:  "defaultValues that are no strings",
			files: image(`{"defaultValues": {"A": 1.50, "B": true, "C": null, "D": ["x"]}}`, fstest.MapFS{"exports/service.template": file(oldUnit("A", "B", "C", "D"), 0o644)}),
			want:  map[string]string{unitFile: "# A=<1.50>\n# B=<true>\n# C=<>\n# D=<[\"x\"]>\n"},
		},
		{
			name:  "renameFiles: a file, a directory and a file within it",
			files: image(`{"renameFiles": {"/usr/local/bin/ctl": "/usr/local/bin/${NAME}ctl", "/etc/dir": "/etc/$NAME", "/etc/x/file": "/etc/x/other"}}`, nil),
			want:  map[string]string{"usr/local/bin/xctl": "ctl $V", "usr/local/bin/ctl": "", "etc/x/other": "f $$V", "etc/dir": "", "etc/x/file": ""},
		},
		{
			name:  "installedFilesTemplate: paths after renaming",
			files: image(`{"renameFiles": {"/etc/dir": "/etc/$NAME"}, "installedFilesTemplate": ["/etc/x/file", "/usr/local/bin/ctl"], "defaultValues": {"V": "v"}}`, nil),
			want:  map[string]string{"etc/x/file": "f $V", "usr/local/bin/ctl": "ctl v"},
		},
		{
			name:  "installedFilesTemplate: not the path before",
			files: image(`{"renameFiles": {"/etc/dir": "/etc/$NAME"}, "installedFilesTemplate": ["/etc/dir/file"]}`, nil),
			want:  map[string]string{"etc/x/file": "f $$V"},
		},
		{
			name:  "noContainerService",
			files: image(`{"noContainerService": true}`, fstest.MapFS{"exports/service.template": file("$MISSING", 0o644), "exports/config.json": nil}),
			want:  map[string]string{unitFile: "", configFile: "", "etc/dir/file": "f $$V"},
		},
		{name: "useLinks", files: image(`{"useLinks": false}`, nil), want: map[string]string{"usr/local/bin/ctl": "ctl $V"}},
		{name: "unknown keys", files: image(`{"newKey": 1}`, nil), says: `manifest.json has the unknown key "newKey", which is ignored`},
		{
			name:  "a variable that nobody uses",
			files: image(`{}`, nil), set: map[string]string{"PROT": "1"},
			says: "--set PROT: no template of old uses that variable",
		},
		{
			name:  "an empty value is a value",
			files: image(`{"defaultValues": {"V": "x"}}`, fstest.MapFS{"exports/service.template": file(oldUnit("V"), 0o644)}), set: map[string]string{"V": ""},
			want: map[string]string{unitFile: "# V=<>\n"},
		},
		{
			name: "fragments outside of JSON strings",
			files: with(image(`{"defaultValues": {"ADDTL_MOUNTS": ""}}`, nil), fstest.MapFS{
				"exports/config.json":          nil,
				"exports/config.json.template": file(strings.Replace(plainConfig, `"env": ["V=$V"]}`, `"capabilities": {"bounding": [${ALL_PROCESS_CAPABILITIES}]}}, "mounts": [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"} $ADDTL_MOUNTS]`, 1), 0o644),
			}),
			set:  map[string]string{"ADDTL_MOUNTS": `, {"destination": "/more", "type": "tmpfs", "source": "tmpfs"}`},
			want: map[string]string{configFile: `"destination": "/more"`},
		},
		{
			name:  "every missing variable is named once a file, with its place",
			files: image(`{}`, fstest.MapFS{"exports/service.template": file("[Service]\nA=$A$B$A\n", 0o644), "exports/tmpfiles.template": file("d $B", 0o644)}),
			says:  "exports/service.template:2:3: no value for $A\nexports/service.template:2:5: no value for $B\nexports/tmpfiles.template:1:3: no value for $B", fails: true,
		},
		{
			name:  "a dollar sign that is no variable",
			files: image(`{}`, fstest.MapFS{"exports/service.template": file("[Service]\nA=$(date)\n", 0o644)}),
			says:  `exports/service.template:2:3: "$(" is not a variable (a dollar sign is written $$)`, fails: true,
		},
	} {
		t.Run(r.name, r.check)
	}
}

func TestContractOfLinks(t *testing.T) {
	for useLinks, want := range map[string]bool{"true": true, "false": false} {
		s := newScene(t)
		s.images.images["old"] = fstest.MapFS{
			"exports/manifest.json":           file(`{"noContainerService": true, "useLinks": `+useLinks+`}`, 0o644),
			"exports/hostfs/usr/share/x/data": file("data", 0o644), "exports/hostfs/etc/x/data": file("data", 0o644),
		}
		s.install(deployment.Request{Image: "old", Name: "x"})
		const hostfs = "var/lib/syscontainer/containers/x/deploy/1/rootfs/exports/hostfs/"
		for name, linked := range map[string]bool{"usr/share/x/data": want, "etc/x/data": false} {
			if got := inode(t, filepath.Join(s.root, name)) == inode(t, filepath.Join(s.root, hostfs+name)); got != linked {
				t.Errorf("useLinks %s: /%s is a hard link: %v", useLinks, name, got)
			}
		}
	}
}
