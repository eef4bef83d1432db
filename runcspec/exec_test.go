package runcspec

import (
	"reflect"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func execSpec(uid uint32) *specs.Spec {
	caps := []string{"CAP_CHOWN", "CAP_KILL"}
	return &specs.Spec{Mounts: []specs.Mount{{Destination: "/dev/pts", Type: "devpts"}}, Process: &specs.Process{
		User: specs.User{UID: uid, GID: 7, AdditionalGids: []uint32{8}},
		Args: []string{"/bin/server"},
		Env: []string{
			"PATH=/bin", "MODE=image", "NOTIFY_SOCKET=/run/systemd/notify", "LISTEN_FDS=1", "CREDENTIALS_DIRECTORY=/run/credentials/x",
		},
		Cwd:             "/srv",
		NoNewPrivileges: true,
		Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps, Inheritable: caps, Ambient: caps},
	}}
}

func TestExecProcessIsAsTheContainersOwn(t *testing.T) {
	spec := execSpec(0)
	got, err := ExecProcess(spec, ExecOptions{Args: []string{"ls", "-l"}})
	if err != nil {
		t.Fatal(err)
	}
	want := *spec.Process
	want.Args = []string{"ls", "-l"}
	// What systemd says to the service is not for others; secrets are.
	want.Env = []string{"PATH=/bin", "MODE=image", "CREDENTIALS_DIRECTORY=/run/credentials/x"}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
	if len(spec.Process.Env) != 5 || spec.Process.Args[0] != "/bin/server" {
		t.Errorf("the container's own is changed: %+v", spec.Process)
	}
}

func TestExecProcessWithOptions(t *testing.T) {
	got, err := ExecProcess(execSpec(0), ExecOptions{
		Args: []string{"sh"}, Env: []string{"MODE=mine", "MORE=", "HOME=/tmp"}, Cwd: "/tmp/../var", Terminal: &specs.Box{Height: 24, Width: 80},
		User: "web", Passwd: []byte("web:x:33:34::/srv/web:\n"), Group: []byte("extra:x:50:web\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if env := []string{"PATH=/bin", "MODE=mine", "CREDENTIALS_DIRECTORY=/run/credentials/x", "HOME=/tmp", "MORE="}; !slices.Equal(got.Env, env) {
		t.Errorf("the environment is %q", got.Env)
	}
	if user := (specs.User{UID: 33, GID: 34, AdditionalGids: []uint32{50}}); !reflect.DeepEqual(got.User, user) {
		t.Errorf("the user is %+v", got.User)
	}
	if got.Cwd != "/var" || !got.Terminal || got.ConsoleSize.Width != 80 {
		t.Errorf("got %+v", got)
	}
	if c := got.Capabilities; len(c.Bounding) != 2 || len(c.Effective)+len(c.Permitted)+len(c.Inheritable)+len(c.Ambient) > 0 {
		t.Errorf("another user than root has %+v", c)
	}
}

func TestNoTerminalWhereThereIsNone(t *testing.T) {
	spec := execSpec(0)
	for name, tt := range map[string]struct {
		mounts []specs.Mount
		want   bool
	}{
		"its own":    {spec.Mounts, true},
		"the host's": {[]specs.Mount{{Destination: "/dev", Type: "bind", Source: "/dev"}}, true},
		"none":       {[]specs.Mount{{Destination: "/dev", Type: "tmpfs"}}, false},
	} {
		spec.Mounts = tt.mounts
		got, err := ExecProcess(spec, ExecOptions{Args: []string{"sh"}, Terminal: &specs.Box{}})
		if err != nil || got.Terminal != tt.want || (got.ConsoleSize != nil) != tt.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestExecProcessAsRootOfAContainerThatIsNot(t *testing.T) {
	spec := execSpec(33)
	spec.Process.Capabilities.Effective = nil
	got, err := ExecProcess(spec, ExecOptions{Args: []string{"sh"}, User: "0"})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Capabilities; len(c.Effective) != 2 || len(c.Permitted) != 2 || len(c.Ambient) != 0 {
		t.Errorf("root has %+v", c)
	}
}

func TestExecProcessErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		spec *specs.Spec
		o    ExecOptions
		want string
	}{
		"no process":  {&specs.Spec{}, ExecOptions{Args: []string{"a"}}, "making a process: config.json has none to begin with"},
		"no command":  {execSpec(0), ExecOptions{}, "making a process: there is no command"},
		"a setting":   {execSpec(0), ExecOptions{Args: []string{"a"}, Env: []string{"SECRET"}}, "making a process: a setting of the environment is not of the form NAME=VALUE"},
		"an argument": {execSpec(0), ExecOptions{Args: []string{"a", "caf\xe9"}}, "making a process: argument 1 of its command is not valid UTF-8"},
		"a value":     {execSpec(0), ExecOptions{Args: []string{"a"}, Env: []string{"SECRET=caf\xe9"}}, `making a process: the value of "SECRET" in its environment is not valid UTF-8`},
		"a user": {
			execSpec(0), ExecOptions{Args: []string{"a"}, User: "web"},
			`reading the image's User "web": "web" is neither a number up to 2147483647 nor in the image's /etc/passwd`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ExecProcess(tt.spec, tt.o); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
