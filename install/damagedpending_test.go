package install_test

import (
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
	const record = "var/lib/syscontainer/containers/db/deploy/1/record.json"
	for _, unit := range []string{"foo bar.service", "../../x", "x", "a@.service"} {
		s := newScene(t)
		s.images.images["db"] = dbImage()
		s.install(deployment.Request{Image: "db"})
		s.write(record, strings.Replace(s.read(record), `"unit": "db.service"`, `"unit": "`+unit+`"`, 1), 0o600)
		list, err := s.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Error == "" || list[0].Unit != "" {
			t.Errorf("%q: %+v, %v", unit, list, err)
		}
	}
}
