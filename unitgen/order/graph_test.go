package order_test

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/tests/golden"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// What rules.edges has is what systemd has: tests/ordering compares them.
func TestRules(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/rules.txtar")
	if err != nil {
		t.Fatal(err)
	}
	units := order.Load(dirsOf(archive))
	golden.Check(t, "testdata/rules.edges", []byte(lines(units.Graph())))
	const warnings = "/etc/systemd/system/broken.service:1: the assignment stands before the first section\n" +
		"/etc/systemd/system/broken.service:4: the line has no \"=\""
	if got := strings.Join(units.Warnings(), "\n"); got != warnings {
		t.Errorf("got the warnings\n%s", got)
	}
}

func TestExists(t *testing.T) {
	g := graphOf(`
-- etc/systemd/system/a.service --
[Unit]
After=named.service b@x.service c@x.service system-own.slice gone.service
-- usr/lib/systemd/system/b@.service --
[Service]
ExecStart=/bin/true
-- etc/systemd/system/masked.service --
-> /dev/null
-- usr/lib/systemd/system/masked.service --
[Service]
ExecStart=/bin/true
-- etc/systemd/system/empty.service --
-- etc/systemd/system/alias.service --
-> /usr/lib/systemd/system/a.service
-- usr/lib/systemd/system/a.service --
[Unit]
-- etc/systemd/system/dangling.service --
-> /usr/lib/systemd/system/gone.service
`)
	for name, want := range map[string]bool{
		"a.service": true, "alias.service": true, "b@x.service": true, "system-own.slice": true, "-.mount": true, "system.slice": true,
		"named.service": false, "b@y.service": false, "b@.service": false, "c@x.service": false, "masked.service": false,
		"empty.service": false, "dangling.service": false, "gone.service": false,
	} {
		if got := g.Exists(name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A template can name ever more instances of itself, which must end.
func TestTemplatesWithoutEnd(t *testing.T) {
	units := order.Load(dirsOf(txtar.Parse([]byte(`
-- etc/systemd/system/a.service --
[Unit]
After=x@1.service
-- etc/systemd/system/x@.service --
[Unit]
After=x@%i-a.service x@%i-b.service
`))))
	if got := strings.Join(units.Warnings(), "\n"); !strings.Contains(got, "more units than can be") {
		t.Errorf("got the warnings %q", got)
	}
}
