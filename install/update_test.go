package install_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

const dbState = "var/lib/syscontainer/containers/db/"

// nextImage is dbImage as its author improved it.
func nextImage() fstest.MapFS {
	return with(dbImage(), fstest.MapFS{
		"bin/db":                     file("elf 2", 0o755),
		"exports/manifest.json":      file(`{"defaultValues": {"PORT": 6000}, "renameFiles": {"/usr/local/bin/dbctl": "/usr/local/bin/${NAME}ctl", "/etc/db.conf": "/etc/db/${NAME}.conf"}, "installedFilesTemplate": ["/etc/db/${NAME}.conf"]}`, 0o644),
		"exports/hostfs/etc/db-link": nil,
		"exports/hostfs/etc/db-new":  file("new", 0o644),
	})
}

// updatable is a scene with the container db, whose reference leads to nextImage now.
func updatable(t *testing.T, values map[string]string) *scene {
	t.Helper()
	s := newScene(t)
	s.images.images["db"], s.images.images["db2"] = dbImage(), nextImage()
	s.install(deployment.Request{Image: "db", Values: values})
	s.images.leads["db"] = "db2"
	return s
}

func (s *scene) start() {
	s.t.Helper()
	if err := s.Services.Reload(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Start(s.t.Context(), "db"); err != nil {
		s.t.Fatal(err)
	}
	s.effects.done = nil
}

func (s *scene) update(req install.UpdateRequest) *install.Result {
	s.t.Helper()
	result, err := s.Update(s.t.Context(), "db", req)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

// runsFrom checks which deployment the service runs, and that it is the current one.
func (s *scene) runsFrom(t *testing.T, n string) {
	t.Helper()
	unit := s.read("etc/systemd/system/db.service")
	if s.services.state["db.service"] != "active" || s.services.runs["db.service"] != unit || !strings.Contains(unit, "/deploy/"+n) {
		t.Errorf("the service is %q, and runs\n%s\nwhere the host has\n%s", s.services.state["db.service"], s.services.runs["db.service"], unit)
	}
}

// hostFiles is the tree without what is syscontainer's own.
func (s *scene) hostFiles() string {
	lines := strings.Split(s.tree(), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "/var/lib/syscontainer/") }), "\n")
}

func (s *scene) has(name string) bool {
	_, err := os.Lstat(filepath.Join(s.root, name))
	return err == nil
}

// settled is the tree without the history, which tells what was tried.
func (s *scene) settled() string {
	lines := strings.Split(s.tree(), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "history.json") }), "\n")
}

func TestUpdateGoesToTheNewImage(t *testing.T) {
	s := updatable(t, nil)
	s.start()
	result := s.update(install.UpdateRequest{})
	if !result.Changed || result.Record.Deployment != 2 || result.From.Deployment != 1 {
		t.Errorf("got %+v", result)
	}
	s.runsFrom(t, "2")
	if got := s.read("etc/db-new") + s.read("etc/db/db.conf"); got != "newport=6000\n" {
		t.Errorf("the host files are %q", got)
	}
	if s.has("etc/db-link") || s.has(dbState+"pending.json") {
		t.Errorf("left behind:\n%s", s.tree())
	}
	want := []string{"pull db", "hold db/2", "checkout db2", "tmpfiles /etc/tmpfiles.d/db.conf", "reload", "restart db.service"}
	if !slices.Equal(s.effects.done, want) {
		t.Errorf("did %q", s.effects.done)
	}
}

func TestUpdateDoesNotStartWhatDoesNotRun(t *testing.T) {
	s := updatable(t, nil)
	s.update(install.UpdateRequest{})
	if s.services.state["db.service"] != "" || s.read(dbState+"history.json") == "" {
		t.Errorf("the service is %q", s.services.state["db.service"])
	}
}

func TestUpdateWithoutAChange(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db", Values: map[string]string{"PORT": "1"}})
	s.mkdir("var/lib/db") // as systemd-tmpfiles would
	s.start()
	s.write("etc/db/db.conf", "mine", 0o640)
	before := s.tree()
	for _, req := range []install.UpdateRequest{{}, {Changes: deployment.Changes{Values: map[string]string{"PORT": "1"}}}} {
		if result := s.update(req); result.Changed || !result.Present {
			t.Errorf("got %+v", result)
		}
	}
	if after := s.tree(); after != before || !slices.Equal(s.effects.done, []string{"pull db", "pull db"}) {
		t.Errorf("did %q, and there is\n%s", s.effects.done, after)
	}
}

func TestANewProgramTakesEffect(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.install(deployment.Request{Image: "db"})
	s.write(dbState+"deploy/1/config.json", "as an older syscontainer rendered it", 0o600)
	if result := s.update(install.UpdateRequest{}); !result.Changed {
		t.Errorf("got %+v", result)
	}
}

func TestValuesPersistAndDefaultsDoNotStick(t *testing.T) {
	s := updatable(t, map[string]string{"STATE_DIRECTORY": "/srv"})
	s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"RUN_DIRECTORY": "/run/x"}}})
	if got := s.read("etc/db/db.conf"); got != "port=6000\n" {
		t.Errorf("the old image's default stuck: %q", got)
	}
	record := s.read(dbState + "deploy/2/record.json")
	for _, want := range []string{`"STATE_DIRECTORY": "/srv"`, `"RUN_DIRECTORY": "/run/x"`, `"UUID": "5e1f8d9c`} {
		if !strings.Contains(record, want) {
			t.Errorf("the record lacks %s:\n%s", want, record)
		}
	}
	s.update(install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PORT": "7"}, Unset: []string{"RUN_DIRECTORY"}}})
	if got := s.read("etc/db/db.conf"); got != "port=7\n" {
		t.Errorf("after --set: %q", got)
	}
	if old := s.read(dbState + "deploy/2/config.json"); !strings.Contains(old, "6000") {
		t.Errorf("an old deployment changed:\n%s", old)
	}
	if strings.Contains(s.read(dbState+"deploy/3/record.json"), "RUN_DIRECTORY") {
		t.Error("--unset did not take the value away")
	}
	s.rollback(0)
	if got := s.read("etc/db/db.conf"); got != "port=6000\n" {
		t.Errorf("after the rollback: %q", got)
	}
}

// TestUpdateWarnsOfAVariableThatNobodyUses as install does. It stays set, since an image to
// come may use it.
func TestUpdateWarnsOfAVariableThatNobodyUses(t *testing.T) {
	s := updatable(t, nil)
	set := install.UpdateRequest{Changes: deployment.Changes{Values: map[string]string{"PROT": "1"}}}
	for _, req := range []install.UpdateRequest{{DryRun: true, Changes: set.Changes}, set} {
		warned := strings.Join(s.update(req).Warnings, "\n")
		if !strings.Contains(warned, "--set PROT: no template of db uses that variable") || !strings.HasSuffix(warned, "; take it back with: syscontainer update db --unset PROT") {
			t.Errorf("it warns: %s", warned)
		}
	}
	taken := s.update(install.UpdateRequest{Changes: deployment.Changes{Unset: []string{"PROT"}}})
	if len(taken.Warnings) > 0 || taken.Record.Values["PROT"] != "" {
		t.Errorf("it is still there: %+v", taken)
	}
}

func TestUnsetOfWhatIsNotSet(t *testing.T) {
	s := updatable(t, map[string]string{"PORT": "1"})
	before := s.tree()
	_, err := s.Update(t.Context(), "db", install.UpdateRequest{Changes: deployment.Changes{Unset: []string{"PROT"}}})
	if err == nil || !strings.Contains(err.Error(), "--unset PROT: it is not set") {
		t.Errorf("got error %v", err)
	}
	if after := s.tree(); after != before {
		t.Errorf("changed to\n%s", after)
	}
}

func TestUpdateKeepsWhatTheAdministratorChanged(t *testing.T) {
	s := updatable(t, nil)
	s.write("etc/db/db.conf", "port=mine\n", 0o640)
	result := s.update(install.UpdateRequest{})
	const beside = "etc/db/db.conf.syscontainer-new"
	if !slices.Equal(result.Kept, []string{"/etc/db/db.conf"}) || s.read("etc/db/db.conf") != "port=mine\n" || s.read(beside) != "port=6000\n" {
		t.Errorf("kept %q: %s", result.Kept, s.tree())
	}
	if result := s.update(install.UpdateRequest{}); result.Changed {
		t.Error("an update without a change changed something")
	}
	if err := s.Tree.Remove("/" + beside); err != nil {
		t.Fatal(err)
	}
	if result := s.update(install.UpdateRequest{}); result.Changed {
		t.Error("that the administrator has seen the new file is no change")
	}
	shown, err := s.Show(t.Context(), "db")
	if err != nil || slices.ContainsFunc(shown.Files, func(f install.FileDetails) bool { return f.State == "missing" }) {
		t.Errorf("show says %+v, %v", shown, err)
	}
	s.images.images["db3"] = with(nextImage(), fstest.MapFS{"bin/db": file("elf 3", 0o755)})
	s.images.leads["db"] = "db3"
	s.update(install.UpdateRequest{})
	if s.has(beside) {
		t.Error("there is no news of the file, and it is there again")
	}
	s.rollback(0)
	if s.read("etc/db/db.conf") != "port=mine\n" {
		t.Error("the rollback took the administrator's file")
	}
}

func TestUpdateRefusesUnitsThatWereEdited(t *testing.T) {
	s := updatable(t, nil)
	s.write("etc/systemd/system/db.service", "[Service]\nExecStart=/mine\n", 0o644)
	before := s.tree()
	_, err := s.Update(t.Context(), "db", install.UpdateRequest{})
	if err == nil || !strings.Contains(err.Error(), "/etc/systemd/system/db.service was changed by somebody else") {
		t.Errorf("got error %v", err)
	}
	want := "put changes of your own into a drop-in, with: systemctl edit db\nthen put back what was installed, with: syscontainer verify --repair db"
	if hints := hintsOf(err); !slices.Contains(hints, want) {
		t.Errorf("got hints %q", hints)
	}
	if after := s.tree(); after != before {
		t.Errorf("changed to\n%s", after)
	}
}

func TestRebase(t *testing.T) {
	s := updatable(t, map[string]string{"PORT": "1"})
	s.images.images["other"] = nextImage()
	result := s.update(install.UpdateRequest{Changes: deployment.Changes{Image: "other"}})
	if result.Record.Image.Given != "other" || result.Record.Image.Reference != "other" || result.Record.Values["PORT"] != "1" {
		t.Errorf("got %+v", result.Record)
	}
	s.images.leads["other"] = "db"
	if result := s.update(install.UpdateRequest{}); result.Record.Image.Commit != "db" {
		t.Errorf("the next update went to %+v", result.Record.Image)
	}
}

// eachChange runs verb with every effect in turn failing, or crashing and recovering,
// on the container db that runs.
func eachChange(t *testing.T, crash bool, prepare func(*scene), verb func(*scene) error, check func(t *testing.T, s *scene, before, after string, err error)) {
	t.Helper()
	done := updatable(t, nil)
	done.start()
	prepare(done)
	before := done.settled()
	done.effects.done = nil
	if err := verb(done); err != nil {
		t.Fatal(err)
	}
	after := done.settled()
	eachEffect(t, crash, func(s *scene) {
		s.images.images["db2"] = nextImage()
		s.install(deployment.Request{Image: "db"})
		s.images.leads["db"] = "db2"
		s.start()
		prepare(s)
	}, verb, func(t *testing.T, s *scene, err error) { check(t, s, before, after, err) })
}

func updateDB(s *scene) error {
	_, err := s.Update(s.t.Context(), "db", install.UpdateRequest{})
	return err
}

func mustUpdate(s *scene) {
	if err := updateDB(s); err != nil {
		s.t.Fatal(err)
	}
}

func TestAFailedUpdateLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	eachChange(t, false, func(*scene) {}, updateDB, func(t *testing.T, s *scene, before, _ string, err error) {
		if !errors.Is(err, errInjected) {
			t.Fatalf("got error %v", err)
		}
		if got := s.settled(); got != before || s.images.pulled["db"] != "db" || len(s.images.held) != 1 {
			t.Errorf("pulled %v, held %v, left\n%s\nwhere there was\n%s", s.images.pulled, s.images.held, got, before)
		}
		s.runsFrom(t, "1")
		if result := s.update(install.UpdateRequest{Retry: true}); result.Record.Deployment < 2 || len(s.images.held) != 2 {
			t.Errorf("the next update: %+v", result)
		}
	})
}

func TestRecoverSettlesAnInterruptedUpdate(t *testing.T) {
	t.Parallel()
	eachChange(t, true, func(*scene) {}, updateDB, func(t *testing.T, s *scene, before, after string, _ error) {
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		switch got := s.settled(); {
		case got == before && len(s.images.held) == 1:
			s.runsFrom(t, "1")
		case got == after && len(s.images.held) == 2:
			s.runsFrom(t, "2")
		default:
			t.Errorf("held %v; neither before nor after:\n%s", s.images.held, got)
		}
		mustUpdate(s)
	})
}

func TestRecoverAfterARebootStartsNothing(t *testing.T) {
	t.Parallel()
	eachChange(t, true, func(*scene) {}, updateDB, func(t *testing.T, s *scene, _, _ string, _ error) {
		s.Boot = "second"
		s.services.state, s.services.runs = map[string]string{}, map[string]string{}
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(s.services.state) > 0 {
			t.Errorf("started %v", s.services.state)
		}
		s.start()
		mustUpdate(s)
		s.runsFrom(t, "")
	})
}

func TestUninstallAfterAnInterruptedUpdate(t *testing.T) {
	t.Parallel()
	eachChange(t, true, func(*scene) {}, updateDB, func(t *testing.T, s *scene, _, _ string, _ error) {
		if err := uninstallDB(s); err != nil {
			t.Fatal(err)
		}
		if tree := s.tree(); s.has(dbState) || s.has("etc/db") || s.has("etc/db-new") || s.has("etc/db-link") || len(s.images.held)+len(s.services.enabled) > 0 {
			t.Errorf("held %v, enabled %v, left\n%s", s.images.held, s.services.enabled, tree)
		}
	})
}

func TestLinksOfUnitsThatAreEnabledMove(t *testing.T) {
	for name, enabled := range map[string]bool{"enabled": true, "disabled by the administrator": false} {
		t.Run(name, func(t *testing.T) {
			s := updatable(t, nil)
			s.images.images["db2"] = with(nextImage(), fstest.MapFS{
				"exports/service.template": file("[Service]\nType=notify\nExecStart=$EXEC_START\n[Install]\nWantedBy=other.target\n", 0o644),
			})
			if !enabled {
				delete(s.services.enabled, "db.service")
			}
			s.effects.done = nil
			s.update(install.UpdateRequest{})
			at := slices.Index(s.effects.done, "disable [db.service]")
			if moved := at >= 0 && slices.Index(s.effects.done, "enable [db.service]") > at; moved != enabled {
				t.Errorf("did %q", s.effects.done)
			}
			if s.services.enabled["db.service"] != enabled {
				t.Errorf("enabled: %v", s.services.enabled)
			}
		})
	}
}
