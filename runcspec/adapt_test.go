package runcspec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

// Every config.json in testdata/adapt becomes, adapted, the file of the same name
// in testdata/adapted (without a way to notify) and in testdata/notify (with it),
// and then passes Check.
func TestAdaptGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		for dir, notify := range map[string]bool{"adapted": false, "notify": true} {
			spec := parseFile(t, "adapt/"+name)
			host := runcspec.Host{
				CgroupsPath: "/system.slice/x.service/container",
				Bundle:      "/var/lib/syscontainer/containers/x/deploy/3",
				Notify:      notify,
			}
			adapt(t, spec, host)
			checkGolden(t, dir+"/"+name, spec)
			if err := runcspec.Check(spec); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			once := marshal(t, spec)
			adapt(t, spec, host)
			if !bytes.Equal(once, marshal(t, spec)) {
				t.Errorf("%s: adapting twice is not adapting once", name)
			}
		}
	}
}

func adapt(t *testing.T, spec *specs.Spec, host runcspec.Host) {
	t.Helper()
	if err := runcspec.Adapt(spec, host); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenFilesHaveASource(t *testing.T) {
	for _, dir := range []string{"adapted", "notify"} {
		entries, err := os.ReadDir(filepath.Join("testdata", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if _, err := os.Stat(filepath.Join("testdata/adapt", entry.Name())); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAdaptRefusesControlGroups(t *testing.T) {
	for _, group := range []string{"", "/", "x", "/x/", "/x/../y"} {
		if err := runcspec.Adapt(&specs.Spec{}, runcspec.Host{CgroupsPath: group}); err == nil {
			t.Errorf("%q: accepted", group)
		}
	}
}

func TestAdaptMountsTheSocketOnlyWhereItIsNotVisible(t *testing.T) {
	bind := func(source, destination string) specs.Mount {
		return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: []string{"rbind"}}
	}
	tmpfs := func(destination string) specs.Mount { return specs.Mount{Type: "tmpfs", Destination: destination} }
	tests := map[string]struct {
		mounts []specs.Mount
		added  bool
	}{
		"nothing":              {nil, true},
		"tmpfs":                {[]specs.Mount{tmpfs("/run")}, true},
		"the socket":           {[]specs.Mount{bind(runcspec.NotifySocket, runcspec.NotifySocket)}, false},
		"hidden socket":        {[]specs.Mount{bind("/run/systemd", "/run/systemd"), tmpfs("/run")}, true},
		"the host's run":       {[]specs.Mount{bind("/run", "/run")}, false},
		"the host's run again": {[]specs.Mount{tmpfs("/run"), bind("/run/systemd/", "/run/systemd")}, false},
		"another run":          {[]specs.Mount{bind("/var/lib/x/run", "/run")}, true},
		"beside":               {[]specs.Mount{bind("/run/systemd/notify2", "/run/systemd/notify2")}, true},
		"another's socket":     {[]specs.Mount{bind("/run/x/notify", runcspec.NotifySocket)}, true},
		"without a type": {[]specs.Mount{{
			Source: "/run", Destination: "/run", Options: []string{"bind"},
		}}, false},
	}
	for name, test := range tests {
		spec := &specs.Spec{Process: &specs.Process{}, Mounts: test.mounts}
		adapt(t, spec, runcspec.Host{CgroupsPath: "/x", Notify: true})
		last := spec.Mounts[len(spec.Mounts)-1]
		added := len(spec.Mounts) == len(test.mounts)+2 // one is /dev
		if added != test.added || added && last.Destination != runcspec.NotifySocket {
			t.Errorf("%s: got %v", name, spec.Mounts)
		}
	}
}

func TestAdaptSetsTheVariableOnce(t *testing.T) {
	const ours = "NOTIFY_SOCKET=" + runcspec.NotifySocket
	tests := []struct {
		env    string
		notify bool
		want   string
	}{
		{"A=1", true, "A=1 " + ours},
		{"A=1", false, "A=1"},
		{"NOTIFY_SOCKET=/x A=1", true, "A=1 " + ours},
		{"NOTIFY_SOCKET=/x A=1", false, "A=1"},
		{ours + " A=1", true, ours + " A=1"},
		{"A=1 " + ours + " NOTIFY_SOCKET=/x " + ours, true, "A=1 " + ours},
		{"NOTIFY_SOCKET=/x NOTIFY_SOCKET=/y " + ours, true, ours},
		{"NOTIFY_SOCKET_X=1", false, "NOTIFY_SOCKET_X=1"},
	}
	for _, test := range tests {
		original := strings.Fields(test.env)
		spec := &specs.Spec{Process: &specs.Process{Env: slices.Clone(original)}}
		env := spec.Process.Env
		adapt(t, spec, runcspec.Host{CgroupsPath: "/x", Notify: test.notify})
		if got := strings.Join(spec.Process.Env, " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.env, got, test.want)
		}
		if !slices.Equal(env, original) {
			t.Errorf("%q: the caller's slice became %q", test.env, env)
		}
	}
}

func TestAdaptRootPath(t *testing.T) {
	for _, test := range []struct{ bundle, path, want string }{
		{"/b", "rootfs", "rootfs"},
		{"/b", "./rootfs/", "rootfs"},
		{"/b/", "/b/rootfs", "rootfs"},
		{"/b", "/c/rootfs", "/c/rootfs"},
		{"/b", "/b/rootfs/x", "/b/rootfs/x"},
		{"", "/rootfs", "/rootfs"},
		{"", "", ""},
	} {
		spec := &specs.Spec{Root: &specs.Root{Path: test.path}}
		adapt(t, spec, runcspec.Host{CgroupsPath: "/x", Bundle: test.bundle})
		if spec.Root.Path != test.want {
			t.Errorf("%+v: got %q", test, spec.Root.Path)
		}
	}
}

func TestAdaptMakesBindMountsSayIt(t *testing.T) {
	spec := &specs.Spec{Mounts: []specs.Mount{
		{Destination: "/dev", Type: "tmpfs"},
		{Destination: "/a", Type: "bind", Source: "/a", Options: []string{"ro"}},
		{Destination: "/b", Type: "bind", Source: "/b", Options: []string{"ro", "rbind"}},
		{Destination: "/c", Type: "none", Source: "/c", Options: []string{"bind"}},
	}}
	adapt(t, spec, runcspec.Host{CgroupsPath: "/x"})
	for i, want := range []string{"", "bind ro", "ro rbind", "bind"} {
		if got := strings.Join(spec.Mounts[i].Options, " "); got != want {
			t.Errorf("%s: got %q, want %q", spec.Mounts[i].Destination, got, want)
		}
	}
}
