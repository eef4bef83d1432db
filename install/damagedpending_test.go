package install_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// TestAPendingChangeThatNobodyWroteIsNotBelieved: a purge of a path that leads out of the
// container's own directory was looked at for ever, with the lock.
func TestAPendingChangeThatNobodyWroteIsNotBelieved(t *testing.T) {
	for _, pending := range []string{
		`{"from":1,"to":0,"purges":["/var/lib/db/../../../etc"]}`,
		`{"from":1,"to":0,"purges":["/var/lib/db/"]}`,
		`{"from":1,"to":0,"purges":[""]}`,
		`{"from":-3,"to":0}`,
		`{"from":4294967296,"to":0}`,
		`{"from":0,"to":0}`,
	} {
		s := newScene(t)
		s.images.images["db"] = makesData("", "/data")
		s.install(deployment.Request{Image: "db"})
		s.write("var/lib/db/data/wal", "data", 0o600)
		s.write("var/lib/syscontainer/containers/db/pending.json", pending, 0o600)
		if _, err := s.Recover(t.Context()); err != nil {
			t.Errorf("%s: %v", pending, err)
		}
		if !s.has("etc/systemd/system/db.service") || !s.has("var/lib/db/data/wal") {
			t.Errorf("%s: left:\n%s", pending, s.tree())
		}
	}
}

// TestARecordWithABadUnitKeepsNoOtherFromTheList: systemd refuses to say anything of
// several units when one of them has no name that units have.
func TestARecordWithABadUnitKeepsNoOtherFromTheList(t *testing.T) {
	for _, unit := range []string{"foo bar.service", "../../x", "x", "a@.service"} {
		s := newScene(t)
		s.images.images["db"] = dbImage()
		s.install(deployment.Request{Image: "db"})
		if err := edit(s, `"unit": "db.service"`, `"unit": "`+unit+`"`); err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Error == "" || list[0].Unit != "" {
			t.Errorf("%q: %+v, %v", unit, list, err)
		}
	}
}

// TestListAndShowBelieveTheSameRecords, though a list reads no more than their heads.
func TestListAndShowBelieveTheSameRecords(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(s *scene) error
		says   string
	}{
		"of another container": {func(s *scene) error { return edit(s, `"name": "db"`, `"name": "web"`) }, "it is the record of web"},
		"of no container's name": {func(s *scene) error {
			err := errors.Join(edit(s, `"name": "db"`, `"name": "d b"`), edit(s, `"unit": "db.service"`, `"unit": "d b.service"`))
			return errors.Join(err, os.Rename(on(s, "var/lib/syscontainer/containers/db"), on(s, "var/lib/syscontainer/containers/d b")))
		}, "has characters other than letters"},
	} {
		s := newScene(t)
		s.images.images["db"] = dbImage()
		s.install(deployment.Request{Image: "db"})
		if err := c.damage(s); err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Error, c.says) {
			t.Fatalf("%s: list says %+v, %v", name, list, err)
		}
		if _, err := s.Show(t.Context(), list[0].Name); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: show says %v", name, err)
		}
	}
}

// TestShowTellsOfARecordThatNoListReads: below its head, or that it is another deployment's.
func TestShowTellsOfARecordThatNoListReads(t *testing.T) {
	for says, damage := range map[string][2]string{
		"decoding a record":              {`"files": [`, `"files": [7, `},
		"it is the record of deployment": {`"deployment": 1`, `"deployment": 2`},
	} {
		s := newScene(t)
		s.images.images["db"] = dbImage()
		s.install(deployment.Request{Image: "db"})
		if err := edit(s, damage[0], damage[1]); err != nil {
			t.Fatal(err)
		}
		details, err := s.Show(t.Context(), "db")
		if err == nil || !strings.Contains(err.Error(), says) || details.Unit != "db.service" {
			t.Errorf("got %+v, error %v", details, err)
		}
	}
}
