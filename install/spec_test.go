package install_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// specImage is an image with that config.json and nothing else.
func specImage(text string) fstest.MapFS {
	return fstest.MapFS{"exports/config.json": file(text, 0o644)}
}

func TestConfigurationIsRefusedWithAllThatIsWrong(t *testing.T) {
	s := newScene(t)
	s.images.images["x"] = specImage(`{"ociVersion":"3","process":{"args":"x","cwd":"/"},"root":{"path":"rootfs"},` +
		`"hostname":"h","linux":{"namespaces":[{"type":"mount"}]}}`)
	before := s.tree()
	_, err := s.Install(t.Context(), deployment.Request{Image: "x"})
	if err == nil {
		t.Fatal("it is installed")
	}
	for _, want := range []string{
		"checking /exports/config.json of x: /process/args: is of type string, want array", "/ociVersion:",
		"/root/readonly: must be true", "/hostname:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v should say %q", err, want)
		}
	}
	var hint *hint.Error
	if !errors.As(err, &hint) || !strings.Contains(hint.Text, "tmpfs") || !strings.Contains(hint.Text, "uts") {
		t.Errorf("the hint is %v", hint)
	}
	if after := s.tree(); after != before {
		t.Errorf("it left\n%s", after)
	}
}

func TestChangesOfTheConfigurationAreWarnings(t *testing.T) {
	s := newScene(t)
	s.Host.Grantable = []string{"CAP_KILL"}
	s.images.images["x"] = specImage(`{"ociVersion":"1.0.0-rc2","process":{"args":["x"],"cwd":"/",` +
		`"capabilities":["CAP_KILL","CAP_CHOWN"],"selinuxLabel":"a"},` +
		`"root":{"path":"rootfs","readonly":true},"linux":{"namespaces":[{"type":"mount"}]}}`)
	result := s.install(deployment.Request{Image: "x"})
	warnings := strings.Join(result.Warnings, "\n")
	for _, want := range []string{"CAP_CHOWN dropped", "/process/selinuxLabel"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("the warnings should say %q:\n%s", want, warnings)
		}
	}
}

func TestHooksMustBeThere(t *testing.T) {
	config := func(hook string) string {
		return `{"ociVersion":"1.0.0","process":{"args":["x"],"cwd":"/"},"hooks":{"prestart":[{"path":"` + hook + `"}]},` +
			`"root":{"path":"rootfs","readonly":true},"linux":{"namespaces":[{"type":"mount"}]}}`
	}
	s := newScene(t)
	s.images.images["x"] = specImage(config("/usr/libexec/hook"))
	_, err := s.Install(t.Context(), deployment.Request{Image: "x"})
	if err == nil || !strings.Contains(err.Error(), "/hooks/prestart/0/path: /usr/libexec/hook: file does not exist") {
		t.Errorf("got %v", err)
	}
	s.images.images["x"]["exports/hostfs/usr/libexec/hook"] = file("#!", 0o755)
	s.install(deployment.Request{Image: "x"})

	s.images.images["y"] = specImage(config("/var/lib/syscontainer/containers/y/deploy/1/rootfs/hook"))
	s.images.images["y"]["hook"] = file("#!", 0o755)
	s.install(deployment.Request{Image: "y"})
}

// A hook is on the host under the name that the image's file for the host gets.
func TestHookThatTheImageBringsUnderANewName(t *testing.T) {
	hooks := func(program string) fstest.MapFS {
		return with(dbImage(), fstest.MapFS{
			"exports/config.json.template": file(strings.Replace(configTemplate, `"linux"`, `"hooks": {"prestart": [{"path": "`+program+`"}]}, "linux"`, 1), 0o644),
		})
	}
	s := newScene(t)
	s.images.images["db"] = hooks("/usr/local/bin/${NAME}ctl")
	s.install(deployment.Request{Image: "db", Name: "dc", Values: map[string]string{"PORT": "1"}})

	s = newScene(t)
	s.images.images["db"] = hooks("/usr/local/bin/dbctl") // its old name
	if _, err := s.Install(t.Context(), deployment.Request{Image: "db", Name: "dc", Values: map[string]string{"PORT": "1"}}); err == nil || !strings.Contains(err.Error(), "/hooks/prestart/0") {
		t.Errorf("got %v", err)
	}
}
