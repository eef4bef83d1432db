package install_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// ran is what a container that ran once was like, while it ran.
type ran struct {
	spec specs.Spec
	tree string
}

// run runs an image once, and checks that nothing is left of it but what the image store has.
func (s *scene) run(t *testing.T, req deployment.Request, once deployment.Once) (ran, error) {
	t.Helper()
	s.mkdir("var/lib/syscontainer/repo") // of the image store, which stays
	before := s.tree()
	var r ran
	s.running.run = func(bundle string) (int, error) {
		data, err := os.ReadFile(filepath.Join(bundle, "config.json"))
		if err != nil {
			return 0, err
		}
		r.tree = s.tree()
		return 7, json.Unmarshal(data, &r.spec)
	}
	status, err := s.Run(t.Context(), req, once, func(warning string) { t.Errorf("warning: %s", warning) })
	if err == nil && status != 7 {
		t.Errorf("status %d", status)
	}
	if after := s.tree(); after != before {
		t.Errorf("it left\n%s\nand there was\n%s", after, before)
	}
	return r, err
}

func TestRunOfAnImageThatKnowsNothingOfUs(t *testing.T) {
	s := newScene(t)
	webImage(s)
	image := s.images.configs["web"]
	image.Config.Cmd = []string{"serve"}
	s.images.configs["web"] = image
	r, err := s.run(t, deployment.Request{Image: "web", Values: map[string]string{"MODE": "mine"}}, deployment.Once{Args: []string{"check", "-v"}, Terminal: &specs.Box{}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/usr/bin/runc web-5e1f8d9c " + s.root + "/var/lib/syscontainer/runs/containers/web-5e1f8d9c/deploy/1 syscontainer-run-web-5e1f8d9c.scope"}; !slices.Equal(s.running.ran, want) {
		t.Errorf("ran %q, want %q", s.running.ran, want)
	}
	if !slices.Equal(s.running.deleted, []string{"/usr/bin/runc web-5e1f8d9c"}) {
		t.Errorf("deleted %q", s.running.deleted)
	}
	p := r.spec.Process
	if !slices.Equal(p.Args, []string{"/bin/web", "check", "-v"}) || !p.Terminal || p.User.UID != 33 || !slices.Contains(p.Env, "MODE=mine") {
		t.Errorf("the process is %+v", p)
	}
	if got := r.spec.Linux.CgroupsPath; got != "/system.slice/syscontainer-run-web-5e1f8d9c.scope/container" {
		t.Errorf("the control group is %s", got)
	}
	volumes := map[string]string{}
	for _, m := range r.spec.Mounts {
		volumes[m.Destination] = m.Type
	}
	// No volume is kept: nobody would know to which run it belonged.
	if volumes["/var/data"] != "tmpfs" || volumes["/elsewhere"] != "tmpfs" || strings.Contains(r.tree, "/var/lib/web") {
		t.Errorf("the mounts are %v", volumes)
	}
	if len(s.images.held) > 0 || strings.Contains(r.tree, "/etc/systemd/system/web") {
		t.Errorf("it is installed: %v\n%s", s.images.held, r.tree)
	}
}

func TestRunOfAnImageWithAConfig(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.mkdir("srv")
	r, err := s.run(t, deployment.Request{Image: "db", Name: "job", Values: map[string]string{"PORT": "1"}}, deployment.Once{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.running.ran[0], "/usr/bin/runc job ") || r.spec.Process.Terminal || slices.Contains(r.spec.Process.Env, "NOTIFY_SOCKET=/run/systemd/notify") {
		t.Errorf("ran %q, %+v", s.running.ran, r.spec.Process)
	}
	own := r.spec.Process.Args
	if r, err = s.run(t, deployment.Request{Image: "db", Values: map[string]string{"PORT": "1"}}, deployment.Once{Args: []string{"a", ""}}); err != nil || !slices.Equal(r.spec.Process.Args, []string{"a", ""}) {
		t.Errorf("its arguments are %q, before %q, %v", r.spec.Process.Args, own, err)
	}
}

// What a container binds, and the host lacks, is made for it, and is gone afterwards unless something is in it.
func TestRunMakesWhatIsBound(t *testing.T) {
	s := newScene(t)
	webImage(s)
	bound := deployment.Request{Image: "web", Values: map[string]string{"CONTAINER_BINDS": "/srv/a/b:/b /srv/a/c:/c"}}
	r, err := s.run(t, bound, deployment.Once{})
	if err != nil || !strings.Contains(r.tree, "drwxr-xr-x /srv/a/b\n") || !strings.Contains(r.tree, "drwxr-xr-x /srv/a/c\n") {
		t.Errorf("%v\n%s", err, r.tree)
	}
	s.running.run = func(string) (int, error) {
		s.write("srv/a/b/result", "42", 0o644)
		return 0, nil
	}
	if _, err := s.Run(t.Context(), bound, deployment.Once{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if got := s.read("srv/a/b/result"); got != "42" {
		t.Errorf("the result is %q", got)
	}
	if _, err := os.Lstat(filepath.Join(s.root, "srv/a/c")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was not used is there: %v", err)
	}
}

func TestRunWithASecret(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{
		"exports/manifest.json": file(`{"defaultValues": {"PORT": 1}, "values": {"PASSWORD": {"secret": true, "required": true}}}`, 0o644),
	})
	r, err := s.run(t, deployment.Request{Image: "db", Name: "job", Values: map[string]string{"PASSWORD": "hunter2"}}, deployment.Once{})
	if err != nil {
		t.Fatal(err)
	}
	const dir = "/var/lib/syscontainer/runs/containers/job/deploy/1/credentials"
	if !slices.Contains(r.spec.Process.Env, "CREDENTIALS_DIRECTORY="+dir) || !strings.Contains(r.tree, "-rw------- "+dir+"/PASSWORD ") {
		t.Errorf("the environment is %q\n%s", r.spec.Process.Env, r.tree)
	}
}

func TestRunThatIsRefusedLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		req  deployment.Request
		want string
		once deployment.Once
	}{
		"an argument":     {deployment.Request{Image: "db"}, "argument 0 of its command is not valid UTF-8", deployment.Once{Args: []string{"caf\xe9"}}},
		"no such image":   {deployment.Request{Image: "none"}, `no such image`, deployment.Once{}},
		"a missing value": {deployment.Request{Image: "strict"}, "no value for $TOKEN", deployment.Once{}},
		"only files":      {deployment.Request{Image: "files"}, "running files-5e1f8d9c: the image only brings files for the host", deployment.Once{}},
		"no runtime":      {deployment.Request{Image: "db", Runtime: "/no/runc"}, "looking for the OCI runtime: /no/runc", deployment.Once{}},
		"a bad name":      {deployment.Request{Image: "db", Name: "../x"}, `"../x"`, deployment.Once{}},
		"a name in use":   {deployment.Request{Image: "db", Name: "web"}, `running web: there is a container "web"`, deployment.Once{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			webImage(s)
			s.install(deployment.Request{Image: "web"})
			s.images.images["db"] = healthy("null")
			s.images.images["strict"] = with(dbImage(), fstest.MapFS{"exports/service.template": nil, "exports/config.json.template": file(strings.Replace(configTemplate, "$PORT", "$TOKEN", 1), 0o644)})
			s.images.images["files"] = fstest.MapFS{"exports/manifest.json": file(`{"noContainerService": true}`, 0o644)}
			if _, err := s.run(t, test.req, test.once); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A run whose program was killed goes with the next command that changes something. One that goes on stays.
func TestWhatAKilledRunLeavesIsSwept(t *testing.T) {
	for name, sweep := range map[string]func(s *scene) error{
		"recover": func(s *scene) error { _, err := s.Recover(s.t.Context()); return err },
		"run": func(s *scene) error {
			_, err := s.Run(s.t.Context(), deployment.Request{Image: "web"}, deployment.Once{}, func(string) {})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			webImage(s)
			s.mkdir("var/lib/syscontainer/repo")
			before := s.tree()
			s.running.run = func(string) (int, error) { panic(crashed{}) }
			s.crash(func() {
				_, _ = s.Run(t.Context(), deployment.Request{Image: "web", Name: "killed", Values: map[string]string{"CONTAINER_BINDS": "/srv/a:/a"}}, deployment.Once{}, func(string) {})
			})
			s.running.run = func(string) (int, error) {
				s.running.run = nil
				_, err := s.Recover(t.Context())
				if tree := s.tree(); err != nil || !strings.Contains(tree, "/runs/containers/goes-on/deploy/1/config.json") {
					t.Errorf("one that goes on is swept: %v\n%s", err, tree)
				}
				return 0, nil
			}
			if _, err := s.Run(t.Context(), deployment.Request{Image: "web", Name: "goes-on"}, deployment.Once{}, func(string) {}); err != nil {
				t.Fatal(err)
			}
			for range 3 { // the kernel closes the files of a process that is killed
				runtime.GC()
				time.Sleep(time.Millisecond)
			}
			if err := sweep(s); err != nil {
				t.Fatal(err)
			}
			if after := s.tree(); after != before {
				t.Errorf("left:\n%s", after)
			}
		})
	}
}

func TestInstallOfWhatRunsOnce(t *testing.T) {
	s := newScene(t)
	webImage(s)
	image := s.images.configs["web"]
	image.Config.Labels = map[string]string{"atomic.run": "once"}
	s.images.configs["web"] = image
	if _, err := s.Install(t.Context(), deployment.Request{Image: "web"}); !errors.Is(err, install.ErrRunsOnce) {
		t.Errorf("got %v", err)
	}
	if s.images.pulled["web"] == "" {
		t.Error("it would have to be pulled again")
	}
}
