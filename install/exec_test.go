package install_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/runcspec"
)

// exec is the process that was run in the container last, in the place of us.
func (s *scene) exec(t *testing.T, name string, o runcspec.ExecOptions) specs.Process {
	t.Helper()
	if err := s.Exec(t.Context(), name, o); err != nil {
		t.Fatal(err)
	}
	where, process, _ := strings.Cut(s.running.entered[len(s.running.entered)-1], " {")
	if where != "/usr/bin/runc "+name {
		t.Errorf("entered %s", where)
	}
	var p specs.Process
	if err := json.Unmarshal([]byte("{"+process), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExecIsAProcessAsTheContainersOwn(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	s.running.bundles["web"] = "/var/lib/syscontainer/containers/web/deploy/1"

	p := s.exec(t, "web", runcspec.ExecOptions{Args: []string{"ls", "-l", ""}, Terminal: &specs.Box{}, Env: []string{"MODE=here"}})
	if strings.Join(p.Args, "|") != "ls|-l|" || !p.Terminal || p.User.UID != 33 || !strings.Contains(strings.Join(p.Env, "\n"), "MODE=here") {
		t.Errorf("got %+v", p)
	}
	if p = s.exec(t, "web", runcspec.ExecOptions{Args: []string{"id"}, User: "web:extra"}); p.User.UID != 33 || p.User.GID != 50 {
		t.Errorf("got %+v", p.User)
	}
	if err := s.Exec(t.Context(), "web", runcspec.ExecOptions{Args: []string{"id"}, User: "nobody"}); err == nil || !strings.Contains(err.Error(), `"nobody" is neither a number`) {
		t.Errorf("got %v", err)
	}
}

// After an update without a restart, the configuration of the container that runs is another one than the newest.
func TestExecLooksAtTheDeploymentThatRuns(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	s.running.bundles["web"] = "/elsewhere/deploy/1"
	s.write("elsewhere/deploy/1/config.json", `{"process": {"cwd": "/old", "user": {"uid": 7}}}`, 0o600)
	if p := s.exec(t, "web", runcspec.ExecOptions{Args: []string{"a"}}); p.Cwd != "/old" || p.User.UID != 7 {
		t.Errorf("got %+v", p)
	}
}

func TestExecInAContainerThatDoesNotRun(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	if err := s.Exec(t.Context(), "web", runcspec.ExecOptions{Args: []string{"a"}}); !errors.Is(err, install.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	if err := s.Exec(t.Context(), "db", runcspec.ExecOptions{Args: []string{"a"}}); !errors.Is(err, install.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
}
