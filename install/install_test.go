package install_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/tests/golden"
)

const configTemplate = `{
  "ociVersion": "1.0.0",
  "process": {"args": ["/bin/db", "$PORT"], "cwd": "/", "env": ["NAME=$NAME"], "user": {"uid": 0, "gid": 0}},
  "root": {"path": "rootfs", "readonly": true},
  "mounts": [{"destination": "/data", "type": "bind", "source": "${STATE_DIRECTORY}/${NAME}", "options": ["rbind", "rw"]}],
  "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}
}`

// dbImage is an image with something of everything.
func dbImage() fstest.MapFS {
	return fstest.MapFS{
		"bin/db":                             file("elf", 0o755),
		"exports/config.json.template":       file(configTemplate, 0o644),
		"exports/service.template":           file("[Unit]\nDescription=$NAME on $PORT\n\n[Service]\nType=notify\nExecStart=$EXEC_START\nExecStop=$EXEC_STOP\nWorkingDirectory=$DESTDIR\n\n[Install]\nWantedBy=multi-user.target\n", 0o644),
		"exports/manifest.json":              file(`{"defaultValues": {"PORT": 5432}, "renameFiles": {"/usr/local/bin/dbctl": "/usr/local/bin/${NAME}ctl", "/etc/db.conf": "/etc/db/${NAME}.conf"}, "installedFilesTemplate": ["/etc/db/${NAME}.conf"]}`, 0o644),
		"exports/hostfs/usr/local/bin/dbctl": file("ctl", 0o755),
		"exports/hostfs/etc/db.conf":         file("port=$PORT\n", 0o640),
		"exports/hostfs/etc/db-link":         link("db/db.conf"),
	}
}

// with returns the image with files replaced; a nil file is removed.
func with(image fstest.MapFS, files fstest.MapFS) fstest.MapFS {
	image = maps.Clone(image)
	for name, f := range files {
		if f == nil {
			delete(image, name)
		} else {
			image[name] = f
		}
	}
	return image
}

func (s *scene) install(req deployment.Request) *install.Result {
	s.t.Helper()
	result, err := s.Install(s.t.Context(), req)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

func TestInstallPutsEverythingInItsPlace(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	result := s.install(deployment.Request{Image: "db", Values: map[string]string{"PORT": "1"}})
	if !result.Changed || result.Name != "db" {
		t.Errorf("got %+v", result)
	}
	got := s.tree()
	for _, name := range []string{
		"etc/systemd/system/db.service", "etc/systemd/system/db.service.d/10-syscontainer.conf", "etc/tmpfiles.d/db.conf",
		"etc/db/db.conf", "var/lib/syscontainer/containers/db/deploy/1/config.json", "var/lib/syscontainer/containers/db/deploy/1/record.json",
	} {
		got += "\n== " + name + "\n" + s.read(name)
	}
	got += "\n== effects\n" + strings.Join(s.effects.done, "\n") + "\n"
	// Whoever runs the test owns the files.
	for key, id := range map[string]int{"uid": os.Getuid(), "gid": os.Getgid()} {
		got = strings.ReplaceAll(got, fmt.Sprintf("%q: %d", key, id), fmt.Sprintf("%q: 0", key))
	}
	golden.Check(t, "testdata/installed.txt", []byte(got))
	rootfs := filepath.Join(s.root, "var/lib/syscontainer/containers/db/deploy/1/rootfs")
	if inode(t, filepath.Join(s.root, "usr/local/bin/dbctl")) != inode(t, filepath.Join(rootfs, "exports/hostfs/usr/local/bin/dbctl")) {
		t.Error("/usr/local/bin/dbctl is not a hard link to the image's file")
	}
}

func TestSecondInstallChangesNothing(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	before, effects := s.tree(), len(s.effects.done)
	result := s.install(deployment.Request{Image: "db", Values: map[string]string{"PORT": "2"}})
	if result.Changed || !result.Present {
		t.Errorf("got %+v", result)
	}
	if after := s.tree(); after != before || len(s.effects.done) != effects {
		t.Errorf("changed to:\n%s", after)
	}
}

func TestUninstallLeavesTheHostAsItWas(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	before := s.tree()
	s.install(deployment.Request{Image: "db"})
	if _, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{}); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
	if len(s.images.held) != 0 || len(s.services.enabled) != 0 {
		t.Errorf("held %v, enabled %v", s.images.held, s.services.enabled)
	}
}

func TestUninstallKeepsWhatTheAdministratorChanged(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	s.write("etc/db/db.conf", "port=mine\n", 0o640)
	result, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.read("etc/db/db.conf"); got != "port=mine\n" {
		t.Errorf("the file is now %q", got)
	}
	if len(result.Kept) != 1 || result.Kept[0] != "/etc/db/db.conf" {
		t.Errorf("kept %v", result.Kept)
	}
}

func TestContainersShareDirectories(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/hostfs/etc/db-link": nil})
	before := s.tree()
	s.install(deployment.Request{Image: "db", Name: "one"})
	s.install(deployment.Request{Image: "db", Name: "two"})
	for _, name := range []string{"one", "two"} {
		if _, err := s.Uninstall(t.Context(), name, install.UninstallRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name  string
		image fstest.MapFS
		req   deployment.Request
		host  func(*scene)
		want  string
		usage bool
	}{
		{name: "unknown image", req: deployment.Request{Image: "other"}, want: `pulling "other": no such image`},
		{name: "name with a slash", req: deployment.Request{Image: "db", Name: "../x"}, want: "../x", usage: true},
		{name: "name from an image", req: deployment.Request{Image: "docker://host/_x"}, want: "naming the container after the image", usage: true},
		{name: "forced variable", req: deployment.Request{Image: "db", Values: map[string]string{"NAME": "x"}}, want: "--set NAME", usage: true},
		{name: "order by something that is no unit", req: deployment.Request{Image: "db", Relations: deployment.Relations{After: []string{"x"}}}, want: "\"x\"", usage: true},
		{name: "order after itself", req: deployment.Request{Image: "db", Relations: deployment.Relations{After: []string{"db.service"}}}, want: "db.service cannot come before or after itself", usage: true},
		{name: "two runtimes", req: deployment.Request{Image: "db", Runtime: "/a", Values: map[string]string{"RUNTIME": "/b"}}, want: "different programs", usage: true},
		{
			name:  "variables without a value",
			image: with(dbImage(), fstest.MapFS{"exports/tmpfiles.template": file("d $A\nd $B\n", 0o644)}),
			want:  "exports/tmpfiles.template",
		},
		{name: "broken manifest", image: with(dbImage(), fstest.MapFS{"exports/manifest.json": file("{", 0o644)}), want: "manifest.json of db"},
		{name: "broken configuration", image: with(dbImage(), fstest.MapFS{"exports/config.json.template": file(`{"a": }`, 0o644)}), want: "exports/config.json.template:1:7"},
		{
			name:  "writable root",
			image: with(dbImage(), fstest.MapFS{"exports/config.json.template": file(strings.Replace(configTemplate, `"readonly": true`, `"readonly": false`, 1), 0o644)}),
			want:  "/root/readonly",
		},
		{
			name: "host file that somebody else wrote",
			host: func(s *scene) { s.write("etc/db/db.conf", "mine", 0o600) },
			want: "/etc/db/db.conf exists and belongs to no container",
		},
		{
			name: "unit of a package",
			host: func(s *scene) { s.write("usr/lib/systemd/system/db.service", "", 0o644) },
			want: "the host has a unit of that name, /usr/lib/systemd/system/db.service",
		},
		{
			name: "host file of another container",
			host: func(s *scene) {
				s.images.images["other"] = fstest.MapFS{
					"exports/manifest.json":      file(`{"noContainerService": true}`, 0o644),
					"exports/hostfs/etc/db-link": file("x", 0o644),
				}
				s.install(deployment.Request{Image: "other"})
			},
			want: "/etc/db-link belongs to the container other",
		},
		{name: "host file that no record can hold", image: with(dbImage(), fstest.MapFS{"exports/hostfs/etc/caf\xe9": file("", 0o644)}), want: "not UTF-8"},
		{name: "host link that no record can hold", image: with(dbImage(), fstest.MapFS{"exports/hostfs/etc/link": link("caf\xe9")}), want: "not UTF-8"},
		{name: "our own state", image: with(dbImage(), fstest.MapFS{"exports/hostfs/var/lib/syscontainer/x": file("", 0o644)}), want: "syscontainer's own"},
		{name: "no runtime", host: func(s *scene) { os.Remove(filepath.Join(s.root, "usr/bin/runc")) }, want: "no OCI runtime"},
		{name: "no such runtime", req: deployment.Request{Image: "db", Runtime: "/opt/runc"}, want: "/opt/runc"},
		{name: "no launcher", host: func(s *scene) { os.Remove(filepath.Join(s.root, "usr/libexec/syscontainer-launch")) }, want: "looking for the launcher"},
		{name: "cgroup v1", host: func(s *scene) { s.Host.Unified = false }, want: "cgroup v1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = tc.image
			if tc.image == nil {
				s.images.images["db"] = dbImage()
			}
			if tc.host != nil {
				tc.host(s)
			}
			if tc.req.Image == "" {
				tc.req.Image = "db"
			}
			before, pulled := s.tree(), len(s.images.pulled)
			_, err := s.Install(t.Context(), tc.req)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got error %v, want one with %q", err, tc.want)
			}
			var usage *hint.UsageError
			if errors.As(err, &usage) != tc.usage {
				t.Errorf("a usage error: %v, want %v: %v", !tc.usage, tc.usage, err)
			}
			if after := s.tree(); after != before {
				t.Errorf("left behind:\n%s", after)
			}
			if len(s.images.pulled) != pulled {
				t.Errorf("images left behind: %v", s.images.pulled)
			}
		})
	}
}

func TestPlainImage(t *testing.T) {
	s := newScene(t)
	s.images.images["plain"] = fstest.MapFS{"bin/app": file("elf", 0o755)}
	s.images.configs["plain"] = imgspec.Image{Config: imgspec.ImageConfig{
		Entrypoint: []string{"/bin/app"}, StopSignal: "SIGINT", Volumes: map[string]struct{}{"/data": {}},
	}}
	s.install(deployment.Request{Image: "plain"})
	if got := s.read("etc/systemd/system/plain.service.d/10-syscontainer.conf"); !strings.Contains(got, "KillSignal=SIGINT") {
		t.Errorf("the drop-in is %s", got)
	}
	if got := s.read("etc/tmpfiles.d/plain.conf"); !strings.Contains(got, "/var/lib/plain/data") {
		t.Errorf("the tmpfiles.d file is %s", got)
	}
}

func TestWarnings(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/manifest.json": file(`{"defaultValues": {"PORT": "1"}, "nonsense": 1}`, 0o644)})
	result := s.install(deployment.Request{Image: "db", Values: map[string]string{"PROT": "2"}})
	all := strings.Join(result.Warnings, "\n")
	for _, want := range []string{"nonsense", "PROT"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning tells of %s: %s", want, all)
		}
	}
}

func TestDefaultName(t *testing.T) {
	for reference, want := range map[string]string{
		"etcd":                                     "etcd",
		"etcd:latest":                              "etcd",
		"etcd:3.6":                                 "etcd-3.6",
		"localhost:5000/etcd":                      "etcd",
		"docker://localhost:5000/infra/etcd:v3":    "etcd-v3",
		"docker://r.example/etcd@sha256:0123":      "etcd",
		"docker://r.example/etcd:3.6@sha256:0123":  "etcd-3.6",
		"oci:/srv/images/etcd":                     "etcd",
		"oci:/srv/images/etcd:3.6":                 "etcd-3.6",
		"oci-archive:/srv/etcd.tar":                "etcd",
		"docker-archive:etcd.tar:r.example/flan:2": "flan-2",
		"dir:/srv/etcd/":                           "etcd",
	} {
		if got := deployment.DefaultName(reference); got != want {
			t.Errorf("%s: got %q, want %q", reference, got, want)
		}
	}
}

func TestMountPointsAreMadeWhereLinksLead(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	s := newScene(t)
	s.images.images["app"] = fstest.MapFS{
		"bin/app":         file("elf", 0o755),
		"etc/resolv.conf": link("../run/systemd/resolve/stub-resolv.conf"),
		"proc":            link("/../../../outside"),
	}
	s.images.configs["app"] = imgspec.Image{Config: imgspec.ImageConfig{Entrypoint: []string{"/bin/app"}}}
	s.write("etc/resolv.conf", "nameserver 192.0.2.1\n", 0o644)
	s.install(deployment.Request{Image: "app"})
	const rootfs = "var/lib/syscontainer/containers/app/deploy/1/rootfs"
	for _, want := range []string{
		"-rw-r--r-- /" + rootfs + "/run/systemd/resolve/stub-resolv.conf ",
		"drwxr-xr-x /" + rootfs + "/run/systemd/resolve\n",
		"drwxr-xr-x /" + rootfs + "/outside\n",
	} {
		if tree := s.tree(); !strings.Contains(tree, want) {
			t.Errorf("there is no %q:\n%s", want, tree)
		}
	}
}

func TestInstallRefusesWhatExecStartCannotHold(t *testing.T) {
	for name, values := range map[string]map[string]string{
		"no pid file":            {"PIDFILE": ""},
		"a relative pid file":    {"PIDFILE": "../../x.pid"},
		"a pid file of words":    {"PIDFILE": "/run/a b.pid"},
		"a pid file with a $":    {"PIDFILE": "/run/$HOME.pid"},
		"a run directory":        {"RUN_DIRECTORY": "x y"},
		"a file as pid file":     {"PIDFILE": "/etc/passwd"},
		"a relative runtime":     {"RUNTIME": "usr/bin/runc"},
		"a runtime with a quote": {"RUNTIME": "/opt/a\"b"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = dbImage()
			s.write("etc/passwd", "root", 0o644)
			s.write("opt/a\"b", "#!", 0o755)
			_, err := s.Install(t.Context(), deployment.Request{Image: "db", Values: values})
			if err == nil || !strings.Contains(err.Error(), "$RUNTIME: ") && !strings.Contains(err.Error(), "$PIDFILE: ") {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestInstallSeesThroughLinksAndNames(t *testing.T) {
	const unit = "[Service]\nExecStart=$EXEC_START\n[Install]\nAlias=ssh.service dbus.service\n"
	for _, tc := range []struct {
		name, says string
		image      fstest.MapFS
	}{
		{"two names of a file", "/bin/x and /usr/bin/x of the image are one file", fstest.MapFS{
			"exports/hostfs/bin/x": file("a", 0o755), "exports/hostfs/usr/bin/x": file("b", 0o755),
		}},
		{"our state by another name", "syscontainer's own", fstest.MapFS{"exports/hostfs/srv/state/containers/x/current": file("a", 0o644)}},
		{"an alias that the host has", "the host has a unit of that name, /usr/lib/systemd/system/dbus.service", fstest.MapFS{"exports/service.template": file(unit, 0o644)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.write("usr/lib/systemd/system/dbus.service", "", 0o644)
			s.mkdir("srv")
			for name, target := range map[string]string{"bin": "usr/bin", "srv/state": "/var/lib/syscontainer"} {
				if err := os.Symlink(target, filepath.Join(s.root, name)); err != nil {
					t.Fatal(err)
				}
			}
			before := s.tree()
			s.images.images["db"] = with(dbImage(), tc.image)
			if err := installDB(s); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got error %v", err)
			}
			if after := s.tree(); after != before {
				t.Errorf("left behind:\n%s", after)
			}
		})
	}
}

func TestUninstallOfAContainerThatWasMovedToAnotherDisk(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db", Values: map[string]string{"PORT": "1"}})
	s.mkdir("srv")
	dir := filepath.Join(s.root, "var/lib/syscontainer/containers/db")
	if err := errors.Join(os.Rename(dir, filepath.Join(s.root, "srv/db")), os.Symlink("/srv/db", dir)); err != nil {
		t.Fatal(err)
	}
	s.write("srv/db/theirs", "", 0o644)
	if _, err := s.Uninstall(t.Context(), "db", install.UninstallRequest{}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(s.root, "srv/db"))
	if err != nil || len(left) != 1 || left[0].Name() != "theirs" {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link: %v", err)
	}
}

// TestALinkIntoTheStateIsNoContainer: what is there is that of others, and stays.
func TestALinkIntoTheStateIsNoContainer(t *testing.T) {
	for _, target := range []string{".", "..", "db", "db/deploy", "../repo", "/"} {
		t.Run(target, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = dbImage()
			s.install(deployment.Request{Image: "db"})
			s.write("var/lib/syscontainer/repo/config", "", 0o600)
			s.link("var/lib/syscontainer/containers/x", target)
			before := s.tree()
			_, uninstallErr := s.Uninstall(t.Context(), "x", install.UninstallRequest{Purge: true})
			_, recoverErr := s.Recover(t.Context())
			for _, err := range []error{uninstallErr, recoverErr} {
				if err == nil || !strings.Contains(err.Error(), "containers/x is a link to ") || !slices.Contains(hintsOf(err), "remove the link, with: rm "+on(s, "var/lib/syscontainer/containers/x")) {
					t.Errorf("got error %v, hints %q", err, hintsOf(err))
				}
			}
			if after := s.tree(); after != before {
				t.Errorf("changed to\n%s", after)
			}
		})
	}
}
