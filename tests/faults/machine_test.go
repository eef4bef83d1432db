package faults_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/inject"
	"github.com/syscontainer/syscontainer/tests/ociimage"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed) }

// machine is a host with a systemd that runs.
type machine struct {
	*hosttest.Machine
	t      *testing.T
	images string // where it has the images v1 and v2
}

const (
	served   = "/srv/served" // the image that machines install, one of the two
	liveApp  = "oci:" + served
	liveFile = "/etc/served/version" // a file of the host that it brings, with its version in it
)

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	app := hosttest.App(t)
	for _, version := range []string{"v1", "v2"} {
		if err := ociimage.Write(filepath.Join(dir, version), imgspec.ImageConfig{}, live(app, version)); err != nil {
			t.Fatal(err)
		}
	}
	o := bed.Machine()
	o.Mounts = map[string]string{filepath.Dir(served): dir}
	m := &machine{hosttest.Boot(t, bed.Lab, o), t, dir}
	m.serve("v1")
	return m
}

// serve makes one of the images the one that is installed.
func (m *machine) serve(version string) {
	m.t.Helper()
	m.Must("ln", "--symbolic", "--force", "--no-dereference", version, served)
}

// live is an image of a service that says when it is ready.
func live(app, version string) ociimage.Files {
	return ociimage.Files{
		"bin/app":                   app,
		"version":                   version + "\n",
		"exports/hostfs" + liveFile: version + "\n",
		"exports/service.template":  "[Service]\nType=notify\nExecStart=$EXEC_START\nKillSignal=SIGKILL\n[Install]\nWantedBy=multi-user.target\n",
		"exports/manifest.json":     `{"renameFiles": {"/etc/served": "/etc/$NAME"}}`,
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/app", "serve"], "env": ["PATH=/bin"]},
			"root": {"path": "rootfs", "readonly": true}, "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
	}
}

// under runs the program in the machine under a fault.
func (m *machine) under(fault inject.Fault, args ...string) result {
	m.t.Helper()
	cmd, free, err := m.Command(m.t.Context(), append([]string{"syscontainer"}, args...)...)
	if err != nil {
		m.t.Fatal(err)
	}
	defer free()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	report, err := inject.Run(cmd, fault)
	if err != nil {
		m.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), report}
}

// names are the containers that are installed.
func (m *machine) names() []string {
	m.t.Helper()
	var containers []struct{ Name string }
	hosttest.Parse(m.t, m.Must("syscontainer", "list", "--json"), &containers)
	var names []string
	for _, c := range containers {
		names = append(names, c.Name)
	}
	return names
}

// reset uninstalls everything, after which nothing may be left but images.
func (m *machine) reset() {
	m.t.Helper()
	for _, name := range m.names() {
		m.Must("syscontainer", "uninstall", name)
	}
	m.Must("syscontainer", "images", "prune", "--all")
	m.nothingLeft("/etc -newer /srv/v1/index.json -path '*served*'")
	m.nothingLeft("/var/lib -maxdepth 1 -name syscontainer")
}

// nothingLeft demands that find finds nothing.
func (m *machine) nothingLeft(where string) {
	m.t.Helper()
	if found := m.Must("sh", "-c", "find "+where); found != "" {
		m.t.Errorf("these are left:\n%s", found)
	}
}

// settled demands what must hold after recover: nothing is half done, and the container, if it is there, is wholly one of
// its versions, and runs that.
func (m *machine) settled(name string) {
	m.t.Helper()
	m.nothingLeft("/etc /usr/local /var/lib -name '.syscontainer-*' -o -name 'pending.json' -o -name 'syscontainer-scratch-*'")
	if repo := "/var/lib/syscontainer/repo"; m.Try("test", "-d", repo).Code == 0 {
		m.Must("ostree", "fsck", "--quiet", "--repo="+repo)
	}
	if m.Try("test", "-e", "/var/lib/syscontainer/containers/"+name).Code != 0 {
		m.nothingLeft("/etc -name '" + name + ".service*' -o -path '/etc/" + name + "/*'")
		return
	}
	current := m.Must("readlink", "-f", "/var/lib/syscontainer/containers/"+name+"/current")
	for _, file := range []string{name + ".service", name + ".service.d/10-syscontainer.conf"} {
		if text := m.Must("cat", "/etc/systemd/system/"+file); !strings.Contains(text, current) {
			m.t.Errorf("%s does not name %s:\n%s", file, current, text)
		}
	}
	version := m.Must("cat", current+"/rootfs/version")
	if file := m.Must("cat", "/etc/"+name+"/version"); file != version {
		m.t.Errorf("the host's file is of %s, and the deployment of %s", file, version)
	}
	if pid := m.Must("systemctl", "show", "--property=MainPID", "--value", name); pid != "0" {
		if runs := m.Must("cat", "/proc/"+pid+"/root/version"); runs != version {
			m.t.Errorf("%s runs, and %s is installed", runs, version)
		}
	}
}
