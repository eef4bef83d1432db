package install_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// filesImage only installs files.
func filesImage(files fstest.MapFS) fstest.MapFS {
	return with(fstest.MapFS{"exports/manifest.json": file(`{"noContainerService": true}`, 0o644)}, files)
}

// link makes a link of the host.
func (s *scene) link(name, target string) {
	s.t.Helper()
	s.mkdir(filepath.Dir(name))
	if err := os.Symlink(target, filepath.Join(s.root, name)); err != nil {
		s.t.Fatal(err)
	}
}

func TestHostFileConflictsAreToldAllAtOnce(t *testing.T) {
	s := newScene(t)
	s.images.images["other"] = filesImage(fstest.MapFS{"exports/hostfs/etc/theirs": file("x", 0o644)})
	s.install(deployment.Request{Image: "other"})
	s.write("etc/mine", "x", 0o644)
	s.write("etc/file", "x", 0o644)
	s.mkdir("etc/dir/x")
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/hostfs/etc/theirs":     file("y", 0o644),
		"exports/hostfs/etc/mine":       file("y", 0o644),
		"exports/hostfs/etc/dir":        link("x"),
		"exports/hostfs/etc/file/below": file("y", 0o644),
		"exports/hostfs/srv/l":          link("target"),
		"exports/hostfs/srv/move":       file("y", 0o644),
		"exports/manifest.json":         file(`{"noContainerService": true, "renameFiles": {"/srv/move": "/srv/l/moved"}}`, 0o644),
	})
	before := s.tree()
	err := installDB(s)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"/etc/theirs belongs to the container other",
		"/etc/mine exists and belongs to no container",
		"/etc/dir exists and is a directory",
		"/etc/file exists and is not a directory",
		"/srv/l of the image is a symlink, and cannot have /srv/l/moved below it",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not say %q:\n%v", want, err)
		}
	}
	if s.tree() != before {
		t.Error("the host was changed")
	}
}

// TestTerabytesInThePlaceOfAHostFile are somebody else's, and never read: a file with
// holes takes no space, and would keep us reading for hours.
func TestTerabytesInThePlaceOfAHostFile(t *testing.T) {
	s := updatable(t, nil)
	if err := os.Truncate(on(s, "etc/db/db.conf"), 5<<40); err != nil {
		t.Fatal(err)
	}
	list, err := s.Verify(t.Context())
	if err != nil || differences(list) != "host /etc/db/db.conf content (administrator)" {
		t.Errorf("got error %v and\n%s", err, differences(list))
	}
	if result := s.update(install.UpdateRequest{}); !slices.Equal(result.Kept, []string{"/etc/db/db.conf"}) {
		t.Errorf("the update kept %q", result.Kept)
	}
	if err := uninstallDB(s); err != nil || !s.has("etc/db/db.conf") {
		t.Errorf("got error %v, left:\n%s", err, s.tree())
	}
}

func TestImagesHaveNoHostFileThatCannotBeCompared(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = filesImage(fstest.MapFS{"exports/hostfs/srv/disk": {Data: make([]byte, deployment.MaxHostFile+1), Mode: 0o644, Sys: owner{}}})
	if err := installDB(s); err == nil || !strings.Contains(err.Error(), "planning /exports/hostfs/srv/disk of db: it has 4294967297 bytes, and a file of the host may have 4294967296") {
		t.Errorf("got error %v", err)
	}
}

func TestHostTreeMustBeADirectory(t *testing.T) {
	for name, image := range map[string]fstest.MapFS{
		"a file":            {"exports/hostfs": file("x", 0o644)},
		"a link":            {"exports/hostfs": link("../etc"), "etc/x": file("x", 0o644)},
		"exports is a link": {"exports": link("other"), "other/hostfs/etc/x": file("x", 0o644)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = with(fstest.MapFS{"exports/manifest.json": file(`{"noContainerService": true}`, 0o644)}, image)
			if name == "exports is a link" {
				delete(s.images.images["db"], "exports/manifest.json")
				s.images.images["db"]["other/manifest.json"] = file(`{"noContainerService": true}`, 0o644)
			}
			if err := installDB(s); err == nil || !strings.Contains(err.Error(), "it is not a directory") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHostFilesGoWhereTheHostsLinksLead(t *testing.T) {
	s := newScene(t)
	s.link("bin", "usr/bin")
	s.link("usr/local", "/var/usrlocal")
	s.mkdir("var/usrlocal")
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/hostfs/bin/tool":           file("tool", 0o755),
		"exports/hostfs/usr/local/sbin/ctl": file("ctl", 0o755),
		"exports/hostfs/usr/share/linked":   file("x", 0o644),
		"exports/hostfs/etc/to-dir":         link("/var/lib"),
	})
	before := s.tree()
	s.install(deployment.Request{Image: "db"})
	if s.read("usr/bin/tool") != "tool" {
		t.Error("/bin/tool is not in /usr/bin")
	}
	if target, err := os.Readlink(filepath.Join(s.root, "etc/to-dir")); err != nil || target != "/var/lib" {
		t.Errorf("the link to a directory is %q, %v", target, err)
	}
	const origin = "var/lib/syscontainer/containers/db/deploy/1/rootfs/exports/hostfs/"
	for name, linked := range map[string]bool{"var/usrlocal/sbin/ctl": false, "usr/share/linked": true} {
		source := origin + strings.Replace(name, "var/usrlocal", "usr/local", 1)
		if same := inode(t, filepath.Join(s.root, name)) == inode(t, filepath.Join(s.root, source)); same != linked {
			t.Errorf("%s is a hard link: %v", name, same)
		}
	}
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestHostFilesKeepExtendedAttributes(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/hostfs/etc/db":          dir(0o1750),
		"exports/hostfs/etc/db/plain":    file("x", 0o640),
		"exports/hostfs/etc/db/template": file("$NAME", 0o640),
		"exports/manifest.json":          file(`{"noContainerService": true, "installedFilesTemplate": ["/etc/db/template"]}`, 0o644),
	})
	s.images.checkedOut = func(rootfs string) {
		for _, name := range []string{"etc/db", "etc/db/plain", "etc/db/template"} {
			if err := syscall.Setxattr(filepath.Join(rootfs, "exports/hostfs", name), "user.note", []byte(name), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.install(deployment.Request{Image: "db"})
	for _, name := range []string{"etc/db", "etc/db/plain", "etc/db/template"} {
		value := make([]byte, 64)
		n, err := syscall.Getxattr(filepath.Join(s.root, name), "user.note", value)
		if err != nil || string(value[:n]) != name {
			t.Errorf("%s has %q, %v", name, value[:max(n, 0)], err)
		}
	}
	if s.read("etc/db/template") != "db" {
		t.Error("the template is not rendered")
	}
	if tree := s.tree(); !strings.Contains(tree, "dtrwxr-x--- /etc/db\n") {
		t.Errorf("the directory's mode is lost:\n%s", tree)
	}
}

func TestASharedEmptyDirectoryStaysUntilTheLastOneGoes(t *testing.T) {
	s := newScene(t)
	before := s.tree()
	for _, name := range []string{"one", "two"} {
		s.images.images[name] = filesImage(fstest.MapFS{"exports/hostfs/etc/shared.d": dir(0o755)})
		s.install(deployment.Request{Image: name})
	}
	for _, name := range []string{"one", "two"} {
		if !strings.Contains(s.tree(), "/etc/shared.d\n") {
			t.Errorf("before uninstalling %s the directory is gone", name)
		}
		if _, err := s.Uninstall(t.Context(), name, install.UninstallRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestRenamesAndTemplatesTogether(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/hostfs/etc/app/app.conf": file("name=$NAME\n", 0o600),
		"exports/hostfs/etc/app/other":    file("$kept", 0o644),
		"exports/manifest.json": file(`{"noContainerService": true,
			"renameFiles": {"/etc/app": "/etc/${NAME}.d", "/etc/db2.d/app.conf": "/etc/${NAME}.d/${NAME}.conf"},
			"installedFilesTemplate": ["/etc/${NAME}.d/${NAME}.conf"]}`, 0o644),
	})
	s.install(deployment.Request{Image: "db", Name: "db2"})
	if got := s.read("etc/db2.d/db2.conf"); got != "name=db2\n" {
		t.Errorf("rendered %q", got)
	}
	if got := s.read("etc/db2.d/other"); got != "$kept" {
		t.Errorf("what is no template is %q", got)
	}
}

// What a crash leaves of thousands of files half-way goes, or is finished.
func TestManyHostFilesAfterACrash(t *testing.T) {
	s := newScene(t)
	files := fstest.MapFS{}
	for i := range 500 {
		files[fmt.Sprintf("exports/hostfs/etc/many/d%d/f%d", i%7, i)] = file(fmt.Sprint(i), 0o644)
	}
	s.images.images["db"] = filesImage(files)
	clean := s.tree()
	s.install(deployment.Request{Image: "db"})
	installed := s.tree()
	for i := range 500 {
		name := fmt.Sprintf("etc/many/d%d/f%d", i%7, i)
		switch i % 3 {
		case 0:
			s.write(filepath.Join(filepath.Dir(name), fmt.Sprintf(".syscontainer-f%d.ABCDEFGHIJKL", i)), "half", 0o600)
			fallthrough
		case 1:
			if err := s.Tree.Remove("/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.write("var/lib/syscontainer/containers/db/pending.json", `{"from":0,"to":1}`, 0o600)
	if _, err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.tree() != installed {
		t.Error("recovering does not finish the installation")
	}
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != clean {
		t.Errorf("left behind:\n%s", after)
	}
}
