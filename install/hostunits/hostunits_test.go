package hostunits_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/install/hostunits"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

// read reads a host with these files and links, a link being a text that begins with "-> ".
func read(t *testing.T, files map[string]string, more func(root string)) (entries, warnings []string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	more(root)
	tree, err := hosttree.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	dirs, warnings := hostunits.Read(tree)
	for _, dir := range dirs {
		for _, e := range dir.Entries {
			entries = append(entries, dir.Path+" "+e.Name+" "+e.Link+" "+string(e.Text))
		}
	}
	return entries, warnings
}

func nothing(string) {}

func TestRead(t *testing.T) {
	entries, warnings := read(t, map[string]string{
		"usr/lib/systemd/system/a.service":                      "A",
		"lib":                                                   "-> usr/lib",
		"etc/systemd/system/b.service":                          "-> /usr/lib/systemd/system/a.service",
		"etc/systemd/system/masked.service":                     "-> /dev/null",
		"etc/systemd/system/gone.service":                       "-> /gone.service",
		"etc/systemd/system/linked.service":                     "-> /opt/linked.service",
		"opt/linked.service":                                    "L",
		"etc/systemd/system/a.service.d/x.conf":                 "X",
		"etc/systemd/system/all.target.wants/a.service":         "-> ../a.service",
		"etc/systemd/system/all.target.requires/no.service":     "-> /nowhere/no.service",
		"etc/systemd/system/README":                             "not a unit",
		"etc/systemd/system/some.dir/c.service":                 "not a unit of systemd's",
		"run/systemd/generator/srv.mount":                       "M",
		"etc/systemd/system/t@.service":                         "T",
		"etc/systemd/user/u.service":                            "of users",
		"run/systemd/generator/local-fs.target.wants/srv.mount": "-> ../srv.mount",
	}, nothing)
	want := []string{
		"/etc/systemd/system a.service.d/x.conf  X",
		"/etc/systemd/system all.target.requires/no.service /nowhere/no.service ",
		"/etc/systemd/system all.target.wants/a.service ../a.service ",
		"/etc/systemd/system b.service /usr/lib/systemd/system/a.service A",
		"/etc/systemd/system linked.service /opt/linked.service L",
		"/etc/systemd/system masked.service /dev/null ",
		"/etc/systemd/system t@.service  T",
		"/run/systemd/generator local-fs.target.wants/srv.mount ../srv.mount ",
		"/run/systemd/generator srv.mount  M",
		"/usr/lib/systemd/system a.service  A",
	}
	if !slices.Equal(entries, want) || warnings != nil {
		t.Errorf("got\n%s\nand the warnings\n%s", strings.Join(entries, "\n"), strings.Join(warnings, "\n"))
	}
}

// A link of a host below --root means what it means there.
func TestReadStaysInTheRoot(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.service"), []byte("S"), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, warnings := read(t, map[string]string{
		"etc/systemd/system/secret.service": "-> " + outside + "/secret.service",
		"etc/systemd/system/up.service":     "-> ../../../../../../../../../.." + outside + "/secret.service",
		"etc/systemd/system/a.service.d":    "-> " + outside,
		"usr/lib/systemd":                   "-> /real",
		"real/system/b.service":             "B",
	}, nothing)
	if want := []string{"/usr/lib/systemd/system b.service  B"}; !slices.Equal(entries, want) || warnings != nil {
		t.Errorf("got %q and the warnings %q", entries, warnings)
	}
}

func TestReadWarnsOfWhatCannotBeRead(t *testing.T) {
	entries, warnings := read(t, map[string]string{
		"etc/systemd/system/ok.service":   "O",
		"etc/systemd/system/loop.service": "-> loop.service",
		"etc/systemd/system/big.service":  strings.Repeat("#", 1<<20+1),
		"run/systemd/system":              "no directory",
	}, func(root string) {
		dir := filepath.Join(root, "etc/systemd/system")
		if err := os.Mkdir(filepath.Join(dir, "dir.service"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, "pipe.service"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if len(entries) != 1 {
		t.Errorf("got %q", entries)
	}
	all := strings.Join(warnings, "\n")
	for _, name := range []string{"loop.service", "big.service: larger than", "dir.service: not a regular", "pipe.service: not a regular", "/run/systemd/system: "} {
		if !strings.Contains(all, name) {
			t.Errorf("no warning of %s in\n%s", name, all)
		}
	}
	if len(warnings) != 5 {
		t.Errorf("got the warnings\n%s", all)
	}
}

// What the check of a plan costs. The host is the one that the benchmark runs on.
func BenchmarkPlan(b *testing.B) {
	tree, err := hosttree.Open("/")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dirs, _ := hostunits.Read(tree)
		before, after := order.Load(dirs).Graph(), order.Load(dirs).Graph()
		if after.NewCycle(before) != nil {
			b.Fatal("a cycle is new to itself")
		}
		b.ReportMetric(float64(len(after.Names())), "units")
	}
}
