package tests_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// programs are those that units of golden files run and no host has.
var programs = []string{
	"/usr/libexec/launch", "/usr/local/bin/setup", "/opt/my runtime/%n/runc$HOME",
	"/var/lib/syscontainer/containers/open-vm-tools/deploy/1/rootfs/bin/app",
}

// bareUnit stands for the unit of a drop-in that is golden alone.
const bareUnit = "[Service]\nExecStart=/bin/true\n"

// reloadsByNotification is what systemd before 253 says of Type=notify-reload, which is why Type=notify stands before it.
var reloadsByNotification = regexp.MustCompile(`(?m)^.*: Failed to parse service type, ignoring: notify-reload\n`)

// TestSystemdUnderstandsGoldenUnits has systemd read every unit and drop-in that is in a golden file.
func TestSystemdUnderstandsGoldenUnits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for set, units := range goldenUnits(t) {
		for name, text := range units {
			file := filepath.Join(dir, set, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := hosttest.Boot(t, bed.Lab, host.Options{Layers: []string{bed.Product}, Mounts: map[string]string{shared: dir}})
	for _, program := range programs {
		m.Must("sh", "-c", `mkdir -p "${1%/*}" && cp /bin/true "$1"`, "sh", program)
	}
	sets, err := os.ReadDir(dir)
	if err != nil || len(sets) < 12 {
		t.Fatalf("%d golden files have units, %v", len(sets), err)
	}
	for _, set := range sets {
		t.Run(set.Name(), func(t *testing.T) {
			// The empty part of the path stands for the host's own directories.
			result := m.For(t).Try("sh", "-c", "cd "+shared+"/"+set.Name()+" && SYSTEMD_UNIT_PATH=$PWD: systemd-analyze verify --recursive-errors=yes $(ls -d *.*[a-ce-z])")
			known := reloadsByNotification.MatchString(result.Stderr)
			if left := reloadsByNotification.ReplaceAllString(result.Stderr, ""); result.Code != 0 && !known || left != "" {
				t.Errorf("exit status %d:\n%s", result.Code, left)
			}
		})
	}
}

// goldenUnits are the units of all golden files: the name of a set -> the path below a directory of units -> text.
func goldenUnits(t *testing.T) map[string]map[string]string {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const unitgen, templates = "../unitgen/testdata/", "../templates/testdata/golden/"
	sets := map[string]map[string]string{
		"unitgen-etcd": {
			"etcd.service": read(unitgen + "etcd.service"), "etcd.service.d/10.conf": read(unitgen + "minimal.conf"), "etcd.service.d/20.conf": read(unitgen + "bringback.conf"),
		},
		"unitgen-full":  {"flannel-2.service": bareUnit, "etcd.service": bareUnit, "flannel-2.service.d/10.conf": read(unitgen + "full.conf")},
		"unitgen-nasty": {"a.b_c-d.service": bareUnit, "a.b_c-d.service.d/10.conf": read(unitgen + "nasty.conf")},
		"unitgen-own":   {"hostonly.service": read(unitgen + "hostonly.service"), "plain.service": read(unitgen + "plain.service")},
		"templates":     {"default.service": read(templates + "default.service"), "web.service": read(templates + "service.template")},
	}
	archives, err := filepath.Glob("../install/deployment/testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, archive := range archives {
		units := map[string]string{}
		for _, f := range txtar.Parse([]byte(read(archive))).Files {
			if name, isUnit := strings.CutPrefix(f.Name, "/etc/systemd/system/"); isUnit {
				units[name] = string(f.Data)
			}
		}
		if len(units) > 0 {
			sets[strings.TrimSuffix(path.Base(archive), ".txtar")] = units
		}
	}
	return sets
}
