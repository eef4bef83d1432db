package unitgen_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/unitgen"
)

func TestCheckMember(t *testing.T) {
	for unit, says := range map[string]string{
		"etcd.socket":                "",
		"etcd.target":                "",
		"etcd-backup.timer":          "",
		"etcd-backup.service":        "",
		"etcd-a.b.path":              "",
		`var-lib-my\x2ddb.mount`:     "",
		"etcd.service":               "is the container's own service",
		"backup.timer":               "must begin with the container's name: etcd.timer or etcd-SOMETHING.timer",
		"etcd2.socket":               "must begin with",
		"etcdbackup.timer":           "must begin with",
		"etcd@.service":              "is a template",
		"etcd@1.service":             "is a template",
		"etcd.slice":                 "is not a service, socket",
		"etcd.conf":                  "does not end in",
		"../etcd.socket":             "characters that no unit name can have",
		"etcd x.socket":              "characters that no unit name can have",
		"é.socket":                   "characters that no unit name can have",
		strings.Repeat("e", 300):     "is longer than",
		"etcd-" + "x" + ".automount": "is not a service, socket",
	} {
		err := unitgen.CheckMember("etcd", unit)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", unit, err, says)
		}
	}
}

// The names are those that systemd-escape --path --suffix=mount gives.
func TestMountUnit(t *testing.T) {
	for where, want := range map[string]string{
		"/var/lib/etcd":  "var-lib-etcd.mount",
		"/var/lib/my-db": `var-lib-my\x2ddb.mount`,
		"/.hidden/a b":   `\x2ehidden-a\x20b.mount`,
		"/é":             `\xc3\xa9.mount`,
		"/":              "-.mount",
		"relative":       "",
		"/a/../b":        "",
		"/a/":            "",
		"/%i":            "",
		"":               "",
	} {
		unit, err := unitgen.ParseUnit("x", []byte("[Mount]\nWhat=/x\nWhere="+where))
		if err != nil {
			t.Fatal(err)
		}
		got, err := unit.MountUnit()
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
	}
}

func TestTriggers(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"x.socket", "[Socket]\nListenStream=1", "x.service"},
		{"x.socket", "[Socket]\nService=y.service", "y.service"},
		{"x.socket", "[Socket]\nAccept=yes", "x@.service"},
		{"x-a.timer", "[Timer]\nOnBootSec=1", "x-a.service"},
		{"x.timer", "[Timer]\nUnit=x-b.service", "x-b.service"},
		{"x.path", "[Path]\nPathExists=/x", "x.service"},
		{"x.service", "", ""},
		{"x.target", "", ""},
	} {
		unit, err := unitgen.ParseUnit(tc.name, []byte(tc.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := unit.Triggers(tc.name); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestHasInstall(t *testing.T) {
	for text, want := range map[string]bool{
		"[Install]\nWantedBy=x.target": true,
		"[Install]\nWantedBy=":         false,
		"[Install]":                    false,
		"[Unit]\nWantedBy=x.target":    false,
	} {
		unit, err := unitgen.ParseUnit("x", []byte(text))
		if err != nil || unit.HasInstall() != want {
			t.Errorf("%q: got %v, %v", text, unit.HasInstall(), err)
		}
	}
}

func TestSockets(t *testing.T) {
	for text, want := range map[string]int{
		"[Socket]\nListenStream=1\nListenDatagram=2\nAccept=no": 2,
		"[Socket]\nListenStream=1\nListenFIFO=\nListenFIFO=/x":  1,
		"[Unit]\nListenStream=1":                                0,
	} {
		unit, err := unitgen.ParseUnit("x.socket", []byte(text))
		if err != nil || unit.Sockets() != want {
			t.Errorf("%q: got %d, %v", text, unit.Sockets(), err)
		}
	}
}
