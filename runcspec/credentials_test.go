package runcspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

func TestAdaptCredentials(t *testing.T) {
	const of, copied = "/run/credentials/x.service", "/run/syscontainer/x/credentials"
	bind := func(source, destination string) specs.Mount {
		return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: []string{"rbind"}}
	}
	for name, tc := range map[string]struct {
		mounts []specs.Mount
		uid    uint32
		seen   string // what the variable says
		mount  string // what is mounted there; "" for nothing
	}{
		"of root":                 {nil, 0, of, of},
		"of another user":         {nil, 1, of, copied},
		"behind a tmpfs":          {[]specs.Mount{{Type: "tmpfs", Destination: "/run"}}, 0, of, of},
		"with the host's /run":    {[]specs.Mount{bind("/run", "/run")}, 0, of, ""},
		"another's, with /run":    {[]specs.Mount{bind("/run", "/run")}, 1, copied, ""},
		"with another /run":       {[]specs.Mount{bind("/srv/run", "/run")}, 0, of, of},
		"mounted by the template": {[]specs.Mount{bind(of, of)}, 0, of, ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &specs.Spec{
				Process: &specs.Process{User: specs.User{UID: tc.uid}, Env: []string{"CREDENTIALS_DIRECTORY=/old", "A=b"}},
				Mounts:  slices.Clone(tc.mounts),
			}
			host := runcspec.Host{CgroupsPath: "/x", Notify: true, Credentials: runcspec.Credentials{Directory: of, Copy: copied}}
			adapt(t, spec, host)
			if got := spec.Process.Env; !slices.Contains(got, "CREDENTIALS_DIRECTORY="+tc.seen) || slices.Contains(got, "CREDENTIALS_DIRECTORY=/old") {
				t.Errorf("the environment is %q", got)
			}
			var mounted string
			for _, m := range spec.Mounts {
				if m.Destination == of && !slices.ContainsFunc(tc.mounts, func(old specs.Mount) bool { return old.Destination == of }) {
					mounted = m.Source
					if !slices.Contains(m.Options, "ro") {
						t.Errorf("mounted with %q", m.Options)
					}
				}
			}
			if mounted != tc.mount {
				t.Errorf("mounted %q, want %q", mounted, tc.mount)
			}
			for _, source := range runcspec.BindSources(spec) {
				if strings.HasPrefix(source.Path, "/run/") && !source.System {
					t.Error("the source looks like one that we could make")
				}
			}
			once := marshal(t, spec)
			adapt(t, spec, host)
			if !bytes.Equal(once, marshal(t, spec)) {
				t.Error("adapting twice is not adapting once")
			}
		})
	}
}

func TestRunsAsRoot(t *testing.T) {
	mapped := &specs.Linux{UIDMappings: []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}}
	for _, tc := range []struct {
		spec specs.Spec
		want bool
	}{
		{specs.Spec{}, true},
		{specs.Spec{Process: &specs.Process{}}, true},
		{specs.Spec{Process: &specs.Process{}, Linux: &specs.Linux{}}, true},
		{specs.Spec{Process: &specs.Process{User: specs.User{UID: 1}}}, false},
		{specs.Spec{Process: &specs.Process{}, Linux: mapped}, false},
	} {
		if got := runcspec.RunsAsRoot(&tc.spec); got != tc.want {
			t.Errorf("%+v: got %v", tc.spec, got)
		}
	}
}
