package install_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/drift"
)

const dbDeployment = "var/lib/syscontainer/containers/db/deploy/1/"

// verified is a scene with an installed container that was harmed.
func verified(t *testing.T, harm func(s *scene) error) *scene {
	t.Helper()
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	if err := harm(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// differences is a line for each thing that is wrong.
func differences(list []*install.Verification) string {
	var lines []string
	for _, v := range list {
		if v.Error != "" {
			lines = append(lines, "error: "+v.Error)
		}
		for _, d := range v.Differences {
			lines = append(lines, differenceText(d))
		}
	}
	return strings.Join(lines, "\n")
}

func differenceText(d drift.Difference) string {
	line := fmt.Sprintf("%s %s %s", d.Place, strings.TrimPrefix(d.Path, "/"+dbDeployment), d.Aspect)
	if d.Administrator {
		line += " (administrator)"
	}
	return line
}

func on(s *scene, name string) string { return filepath.Join(s.root, name) }

// damages are ways to harm an installed container, and what verify says of each.
var damages = map[string]struct {
	harm func(s *scene) error
	want string
}{
	"nothing":              {func(*scene) error { return nil }, ""},
	"a file of the image":  {func(s *scene) error { s.write(dbDeployment+"rootfs/bin/db", "evil", 0o755); return nil }, "rootfs rootfs/bin/db content"},
	"no file of the image": {func(s *scene) error { return os.Remove(on(s, dbDeployment+"rootfs/bin/db")) }, "rootfs rootfs/bin/db missing"},
	"no mount point":       {func(s *scene) error { return os.Remove(on(s, dbDeployment+"rootfs/data")) }, "rootfs rootfs/data missing"},
	"config.json":          {func(s *scene) error { s.write(dbDeployment+"config.json", "{}", 0o600); return nil }, "deployment config.json content"},
	"no config.json":       {func(s *scene) error { return os.Remove(on(s, dbDeployment+"config.json")) }, "deployment config.json missing"},
	"config.json for all":  {func(s *scene) error { return os.Chmod(on(s, dbDeployment+"config.json"), 0o644) }, "deployment config.json mode"},
	"the record for all":   {func(s *scene) error { return os.Chmod(on(s, dbDeployment+"record.json"), 0o644) }, "deployment record.json mode"},
	"a file more":          {func(s *scene) error { s.write(dbDeployment+"notes", "x", 0o600); return nil }, "deployment notes extra"},
	"a file more, below":   {func(s *scene) error { s.write(dbDeployment+"hostfs/etc/x", "x", 0o600); return nil }, "deployment hostfs/etc/x extra"},
	"the unit":             {func(s *scene) error { s.write("etc/systemd/system/db.service", "[Service]\n", 0o644); return nil }, "host /etc/systemd/system/db.service content"},
	"no unit":              {func(s *scene) error { return os.Remove(on(s, "etc/systemd/system/db.service")) }, "host /etc/systemd/system/db.service missing"},
	"the drop-in's mode": {func(s *scene) error {
		return os.Chmod(on(s, "etc/systemd/system/db.service.d/10-syscontainer.conf"), 0o600)
	}, "host /etc/systemd/system/db.service.d/10-syscontainer.conf mode"},
	"no tmpfiles.d file": {func(s *scene) error { return os.Remove(on(s, "etc/tmpfiles.d/db.conf")) }, "host /etc/tmpfiles.d/db.conf missing"},
	"a unit that is a link": {func(s *scene) error {
		p := on(s, "etc/systemd/system/db.service")
		return errors.Join(os.Remove(p), os.Symlink("/dev/null", p))
	}, "host /etc/systemd/system/db.service type"},
	"a program of the host": {func(s *scene) error {
		p := on(s, "usr/local/bin/dbctl")
		return errors.Join(os.Remove(p), os.WriteFile(p, []byte("evil"), 0o755))
	}, "host /usr/local/bin/dbctl content"},
	"a program of the host, which is the repo's": {func(s *scene) error {
		s.write("usr/local/bin/dbctl", "evil", 0o755)
		return nil
	}, "rootfs rootfs/exports/hostfs/usr/local/bin/dbctl content\nhost /usr/local/bin/dbctl content"},
	"no program of the host":    {func(s *scene) error { return os.Remove(on(s, "usr/local/bin/dbctl")) }, "host /usr/local/bin/dbctl missing"},
	"a configuration":           {func(s *scene) error { s.write("etc/db/db.conf", "port=1\n", 0o640); return nil }, "host /etc/db/db.conf content (administrator)"},
	"no configuration":          {func(s *scene) error { return os.RemoveAll(on(s, "etc/db")) }, "host /etc/db missing\nhost /etc/db/db.conf missing"},
	"a link elsewhere":          {func(s *scene) error { p := on(s, "etc/db-link"); return errors.Join(os.Remove(p), os.Symlink("x", p)) }, "host /etc/db-link target (administrator)"},
	"a unit that is disabled":   {func(s *scene) error { delete(s.services.enabled, "db.service"); return nil }, "systemd db.service enabled (administrator)"},
	"no hold on the image":      {func(s *scene) error { delete(s.images.held, "db/1"); return nil }, "repo /var/lib/syscontainer/containers/db/deploy/1 missing"},
	"a record of another image": {func(s *scene) error { return edit(s, `"digest": "sha256:`, `"digest": "sha256:0`) }, "deployment record.json digest"},
	"a record that is garbage":  {func(s *scene) error { s.write(dbDeployment+"record.json", "{", 0o600); return nil }, "error: /" + dbDeployment + "record.json: decoding a record: unexpected end of JSON input"},
	"a record of the future":    {func(s *scene) error { return edit(s, `"version": 1`, `"version": 2`) }, "error: /" + dbDeployment + "record.json: decoding a record: format 2, and this program knows 1"},
	"a record of another":       {func(s *scene) error { return edit(s, `"name": "db"`, `"name": "web"`) }, "error: /" + dbDeployment + "record.json: it is the record of web"},
	"a directory as a record": {func(s *scene) error {
		p := on(s, dbDeployment+"record.json")
		return errors.Join(os.Remove(p), os.Mkdir(p, 0o700))
	}, "error: reading the record of db: "},
	"nothing is current":      {func(s *scene) error { return os.Remove(on(s, "var/lib/syscontainer/containers/db/current")) }, "error: a change of it was interrupted"},
	"what is current is gone": {func(s *scene) error { return os.RemoveAll(on(s, dbDeployment)) }, "error: what is current of db is deployment 1, which is not there"},
	"current leads elsewhere": {func(s *scene) error {
		p := on(s, "var/lib/syscontainer/containers/db/current")
		return errors.Join(os.Remove(p), os.Symlink("x", p))
	}, `error: reading what is current of db: the link leads to "x"`},
	"a directory as current": {func(s *scene) error {
		p := on(s, "var/lib/syscontainer/containers/db/current")
		return errors.Join(os.Remove(p), os.Mkdir(p, 0o700))
	}, "error: reading what is current of db: "},
	"a change under way": {func(s *scene) error {
		s.write("var/lib/syscontainer/containers/db/pending.json", `{"from":0,"to":1}`, 0o600)
		return nil
	}, "error: a change of it is under way, or was interrupted"},
}

// edit replaces text in the record.
func edit(s *scene, old, text string) error {
	s.write(dbDeployment+"record.json", strings.Replace(s.read(dbDeployment+"record.json"), old, text, 1), 0o600)
	return nil
}

func TestVerifyNamesEveryDifference(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			s := verified(t, damage.harm)
			before := s.tree()
			s.effects.done = nil
			list, err := s.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := differences(list); got != damage.want && (!strings.HasPrefix(damage.want, "error: ") || !strings.HasPrefix(got, damage.want)) {
				t.Errorf("found:\n%s\nwant:\n%s", got, damage.want)
			}
			if after := s.tree(); after != before || len(s.effects.done) != 0 {
				t.Errorf("it did %v and left:\n%s", s.effects.done, after)
			}
		})
	}
}

func TestABrokenContainerHidesNoOther(t *testing.T) {
	for name, damage := range damages {
		if !strings.HasPrefix(damage.want, "error: ") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := verified(t, damage.harm)
			s.images.images["web"] = filesOnly("usr/share/web/index")
			s.install(deployment.Request{Image: "web"})
			list, err := s.Verify(t.Context())
			if err != nil || len(list) < 2 || list[len(list)-1].Name != "web" || !list[len(list)-1].OK() {
				t.Errorf("verified %v, %v", list, err)
			}
			summaries, err := s.List(t.Context())
			if err != nil || len(summaries) != 2 || summaries[1].Error != "" {
				t.Errorf("listed %v, %v", summaries, err)
			}
			if err := uninstallDB(s); err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"etc/systemd/system/db.service", "db.service.d", "containers/db"} {
				if tree := s.tree(); strings.Contains(tree, left) {
					t.Errorf("uninstall left %s:\n%s", left, tree)
				}
			}
			if s.services.enabled["db.service"] {
				t.Error("the unit is still enabled")
			}
			if list, err := s.Verify(t.Context()); err != nil || differences(list) != "" {
				t.Errorf("afterwards: %s, %v", differences(list), err)
			}
		})
	}
}

func TestVerifyReadsRecordsOfEarlyVersions(t *testing.T) {
	s := verified(t, func(s *scene) error {
		before, rest, _ := strings.Cut(s.read(dbDeployment+"record.json"), `  "rendered": [`)
		_, after, _ := strings.Cut(rest, "\n  ],\n")
		s.write(dbDeployment+"record.json", before+after, 0o600)
		return nil
	})
	if list, err := s.Verify(t.Context()); err != nil || differences(list) != "" {
		t.Errorf("found %s, %v", differences(list), err)
	}
	s.write(dbDeployment+"db.service", "x", 0o644)
	if list, err := s.Verify(t.Context()); err != nil || differences(list) != "deployment db.service content" {
		t.Errorf("found %s, %v", differences(list), err)
	}
}

func TestVerifyOfNamedContainers(t *testing.T) {
	s := verified(t, func(*scene) error { return nil })
	if _, err := s.Verify(t.Context(), "web"); !errors.Is(err, install.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
	if list, err := s.Verify(t.Context(), "db", "db"); err != nil || len(list) != 1 || !list[0].Current {
		t.Errorf("verified %v, %v", list, err)
	}
}

// filesOnly is an image that puts one file onto the host.
func filesOnly(name string) fstest.MapFS {
	return fstest.MapFS{"exports/manifest.json": file(`{"noContainerService": true}`, 0o644), "exports/hostfs/" + name: file("x", 0o644)}
}
