// Package ordering_test compares the order that package order reads from the files of a host with the one that the
// host's systemd has.
package ordering_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/install/hostunits"
	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/testbed"
	"github.com/syscontainer/syscontainer/unitgen/order"
)

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed) }

// rules has a unit for everything that package order knows.
const rules = "../../unitgen/order/testdata/rules.txtar"

// differences are those that there are on purpose.
var differences = map[host.Suite]map[string]string{
	host.Bookworm: {
		"-.mount < emergency.service":                      "WorkingDirectory=- counts from systemd 254 on",
		"-.mount < rescue.service":                         "WorkingDirectory=- counts from systemd 254 on",
		"held.service < gathering.target":                  "Upholds= of a target counts in later versions",
		"systemd-journald-sync@own.service < held.service": "the journal has no such service yet",
		"srv-swapfile.swap < swap.target":                  "systemd has no defaults for swaps in a container",
		"srv-swapfile.swap < umount.target":                "systemd has no defaults for swaps in a container",
	},
	host.Trixie: {
		"srv-swapfile.swap < swap.target":                "systemd has no defaults for swaps in a container",
		"srv-swapfile.swap < umount.target":              "systemd has no defaults for swaps in a container",
		"-.mount < often.service":                        "the /tmp of DynamicUser= comes from the host before systemd 257",
		"tmp.mount < often.service":                      "the /tmp of DynamicUser= comes from the host before systemd 257",
		"systemd-tmpfiles-setup.service < often.service": "the /tmp of DynamicUser= comes from the host before systemd 257",
	},
}

func TestOrderIsSystemds(t *testing.T) {
	t.Parallel()
	m := hosttest.Boot(t, bed.Lab, host.Options{Layers: []string{layer(t, rules)}})
	graph := read(t, m)
	ours := map[string]bool{}
	for _, edge := range graph.Edges() {
		ours[edge.First+" < "+edge.Then] = true
	}
	if len(graph.Names()) < 150 {
		t.Errorf("the machine has only these units: %q", graph.Names())
	}
	theirs := systemds(m, graph.Names())
	fileless := madeWithoutFile(m, graph, theirs)
	for edge := range theirs {
		first, then, _ := strings.Cut(edge, " < ")
		if !ours[edge] && !fileless[first] && !fileless[then] {
			t.Errorf("only systemd has %s", edge)
		}
	}
	for edge := range ours {
		if _, known := differences[hosttest.Suite()][edge]; !theirs[edge] && !known {
			t.Errorf("systemd does not have %s", edge)
		}
	}
	for edge, why := range differences[hosttest.Suite()] {
		if !ours[edge] || theirs[edge] {
			t.Errorf("not different (%s): %s", why, edge)
		}
	}
}

// systemd-analyze starts a target in its head and tells of the first cycle that it finds, with the units in it.
func TestCycleIsSystemds(t *testing.T) {
	t.Parallel()
	m := hosttest.Boot(t, bed.Lab, host.Options{Layers: []string{layer(t, "testdata/cycle.txtar")}})
	cycle := read(t, m).NewCycle(order.Load(nil).Graph())
	var ours []string
	for _, edge := range cycle {
		ours = append(ours, edge.Then)
	}
	slices.Sort(ours)
	said := m.Try("systemd-analyze", "verify", "node.target").Stderr
	theirs := map[string]bool{}
	for _, job := range regexp.MustCompile(`([a-z-]+\.[a-z]+)/start`).FindAllStringSubmatch(said, -1) {
		theirs[job[1]] = true
	}
	if got := slices.Sorted(maps.Keys(theirs)); len(ours) != 4 || !slices.Equal(got, ours) {
		t.Errorf("we say\n%s\nsystemd says\n%s", cycle, said)
	}
}

// systemds are the edges that systemd has between units.
func systemds(m *hosttest.Machine, units []string) map[string]bool {
	edges := map[string]bool{}
	for _, unit := range show(m, units, "Id", "After", "Before") {
		for _, first := range strings.Fields(unit["After"]) {
			edges[unquote(first)+" < "+unit["Id"]] = true
		}
		for _, then := range strings.Fields(unit["Before"]) {
			edges[unit["Id"]+" < "+unquote(then)] = true
		}
	}
	return edges
}

// madeWithoutFile are the units in the edges that systemd makes of what it sees while it runs, such as mounts.
func madeWithoutFile(m *hosttest.Machine, graph *order.Graph, edges map[string]bool) map[string]bool {
	unknown := map[string]bool{}
	for edge := range edges {
		for _, name := range strings.Split(edge, " < ") {
			if !graph.Exists(name) {
				unknown[name] = true
			}
		}
	}
	fileless := map[string]bool{}
	for _, unit := range show(m, slices.Sorted(maps.Keys(unknown)), "Id", "LoadState", "FragmentPath") {
		if unit["LoadState"] == "loaded" && unit["FragmentPath"] == "" {
			fileless[unit["Id"]] = true
		}
	}
	return fileless
}

// show is what systemd says of units, one map of properties for each.
func show(m *hosttest.Machine, units []string, properties ...string) []map[string]string {
	argv := append([]string{"systemctl", "show", "--property=" + strings.Join(properties, ","), "--"}, units...)
	var all []map[string]string
	for _, block := range strings.Split(m.Must(argv...), "\n\n") {
		unit := map[string]string{}
		for _, line := range strings.Split(block, "\n") {
			key, value, _ := strings.Cut(line, "=")
			unit[key] = value
		}
		all = append(all, unit)
	}
	return all
}

// unquote reads a name with backslashes as systemctl writes it in a list.
func unquote(name string) string {
	return strings.ReplaceAll(strings.Trim(name, `"`), `\\`, `\`)
}

// layer lays out the files of an archive as a host has them. A file of one line "-> X" is a link.
func layer(t *testing.T, archive string) string {
	t.Helper()
	files, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := bed.Lab.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // it is the machine's /
		t.Fatal(err)
	}
	for _, f := range files.Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, isLink := strings.CutPrefix(string(f.Data), "-> "); isLink {
			err = os.Symlink(strings.TrimSpace(target), name)
		} else {
			err = os.WriteFile(name, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read reads the units of a running machine, of which some are in its memory only.
func read(t *testing.T, m *hosttest.Machine) *order.Graph {
	t.Helper()
	const archive = "/var/tmp/units.tar"
	m.Must("sh", "-c", "cd / && for dir in "+strings.Join(order.Dirs(), " ")+
		"; do [ ! -d $dir ] || echo .$dir; done | tar --create --files-from=- --file="+archive)
	root := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "tar", "--extract", "--file="+filepath.Join(m.Dir, archive), "--directory="+root).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tree, err := hosttree.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	dirs, warnings := hostunits.Read(tree)
	for _, warning := range warnings {
		if !strings.Contains(warning, "too many levels of symbolic links") { // round.service is circle.service
			t.Error(warning)
		}
	}
	return order.Load(dirs).Graph()
}
