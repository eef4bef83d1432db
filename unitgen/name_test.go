package unitgen_test

import (
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/unitgen"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"etcd", "etcd2", "a", "0", "net-snmp", "open_vm_tools", "postgres-15.4-alpine", "v1.x",
		"foo.service.d", "foo.0", "etcd-3.6", "x-", "Guest-Agents", strings.Repeat("n", 64),
	} {
		if err := unitgen.CheckName(name); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
	for name, reason := range map[string]string{
		"":                      "is empty",
		".":                     "does not begin",
		"..":                    "does not begin",
		".x":                    "does not begin",
		"-x":                    "does not begin",
		"_x":                    "does not begin",
		"éa":                    "does not begin",
		"../x":                  "does not begin",
		"x/y":                   "characters other than",
		"a b":                   "characters other than",
		"a\n":                   "characters other than",
		"a\x00":                 "characters other than",
		"a@b":                   "characters other than",
		"a%n":                   "characters other than",
		"aé":                    "characters other than",
		"a\xff":                 "characters other than",
		"a..b":                  "empty part",
		"a.":                    "empty part",
		"x.socket":              "like a systemd unit",
		"x.service":             "like a systemd unit",
		"x.y.slice":             "like a systemd unit",
		strings.Repeat("n", 65): "longer than 64",
	} {
		checkNameError(t, unitgen.CheckName(name), name, reason)
	}
}

func TestCheckUnitName(t *testing.T) {
	for _, unit := range []string{
		"etcd.service", "network-online.target", "getty@tty1.service", "dev-sda.device",
		`srv-a\x2db.mount`, "-.mount", "-.slice", "a-b.slice", "x.y.timer", "a:b.socket",
		"user@1000@x.service", strings.Repeat("n", 247) + ".service",
	} {
		if err := unitgen.CheckUnitName(unit); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
	for unit, reason := range map[string]string{
		"":                                    "is empty",
		"etcd":                                "does not end in .service",
		"etcd.conf":                           "does not end in .service",
		"etcd.":                               "does not end in .service",
		".service":                            "nothing before",
		"@x.service":                          "nothing before",
		"getty@.service":                      "template",
		"a b.service":                         "characters",
		"a.service b.service":                 "characters",
		"a/b.service":                         "characters",
		"a%i.service":                         "characters",
		"a.service\n":                         "characters",
		"é.service":                           "characters",
		"-a.slice":                            "slice",
		"a--b.slice":                          "slice",
		"a-.slice":                            "slice",
		"a@b.slice":                           "slice",
		strings.Repeat("n", 248) + ".service": "longer than 255",
	} {
		checkNameError(t, unitgen.CheckUnitName(unit), unit, reason)
	}
}

func checkNameError(t *testing.T, err error, name, reason string) {
	t.Helper()
	var nameErr *unitgen.NameError
	switch {
	case !errors.As(err, &nameErr):
		t.Errorf("%q: got %v, want a NameError", name, err)
	case nameErr.Name != name || !strings.Contains(nameErr.Reason, reason):
		t.Errorf("%q: got %v, want %q", name, err, reason)
	}
}

// A name that is accepted is one component of a path, the prefix of a unit, an id
// for the runtime, and needs no escaping in systemd's files.
func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"etcd", "a.b", "..", "x.0", "x.socket", "a/b", "-", "a\n", "ａ"} {
		f.Add(name)
	}
	runtimeID := regexp.MustCompile(`^[\w+-.]+$`)
	f.Fuzz(func(t *testing.T, name string) {
		if unitgen.CheckName(name) != nil {
			return
		}
		if path.Join("/", name) != "/"+name || strings.Contains(name, "/") || strings.Trim(name, ".") == "" {
			t.Errorf("%q is not one component of a path", name)
		}
		if err := unitgen.CheckUnitName(name + ".service"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if unitgen.CheckUnitName(name) == nil {
			t.Errorf("%q is a unit itself", name)
		}
		if !runtimeID.MatchString(name) || strings.ContainsAny(name, "%$\\\"' \t\n@") || name[0] == '-' {
			t.Errorf("%q needs escaping", name)
		}
	})
}
