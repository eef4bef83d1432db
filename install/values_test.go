package install_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

const settings = `{"defaultValues": {"PORT": 5432, "OLD": "1"}, "values": {
	"PORT": {"type": "port", "description": "where it listens"},
	"OLD": {"default": "2"},
	"MODE": {"enum": ["ro", "rw"], "required": true, "description": "what it may do"},
	"PASSWORD": {"secret": true, "required": true, "description": "of the superuser"},
	"TOKEN": {"secret": true}
}}`

// secretImage wants values that it describes, two of them secret.
func secretImage() fstest.MapFS {
	return with(dbImage(), fstest.MapFS{"exports/manifest.json": file(settings, 0o644)})
}

func secretRequest() deployment.Request {
	return deployment.Request{Image: "db", Values: map[string]string{"MODE": "rw", "PASSWORD": "hunter2\n", "PORT": "1"}}
}

// refused returns the error of an installation, and the advice in it.
func refused(t *testing.T, s *scene, req deployment.Request) (text, advice string) {
	t.Helper()
	before := s.tree()
	_, err := s.Install(t.Context(), req)
	if err == nil {
		t.Fatal("no error")
	}
	if after := s.tree(); after != before {
		t.Errorf("left behind:\n%s", after)
	}
	return err.Error(), strings.Join(hintsOf(err), "\n")
}

func hintsOf(err error) []string {
	var found []string
	if hint, ok := err.(*hint.Error); ok { //nolint:errorlint // one link of the chain at a time
		found = append(found, hint.Text)
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // see above
		for _, err := range many.Unwrap() {
			found = append(found, hintsOf(err)...)
		}
		return found
	}
	if inner := errors.Unwrap(err); inner != nil {
		found = append(found, hintsOf(inner)...)
	}
	return found
}

func TestEverythingWrongWithValuesIsToldAtOnce(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(secretImage(), fstest.MapFS{
		"exports/tmpfiles.template":             file("d /x/$A\nd /$MODE/$B\n", 0o644),
		"exports/config.json.template":          file(`{"x": "$TOKEN", "y": "$A"}`, 0o644),
		"exports/units/${NAME}.socket.template": file("[Socket]\nListenStream=$C", 0o644),
	})
	text, advice := refused(t, s, deployment.Request{Image: "db", Values: map[string]string{"PORT": "hunter2"}})
	for _, want := range []string{
		"the value of $PORT is not a port (1 to 65535)",
		"no value for $MODE, $PASSWORD",
		"exports/config.json.template:1:8: $TOKEN is a secret",
		"exports/config.json.template:1:23: no value for $A",
		"exports/tmpfiles.template:1:6: no value for $A",
		"exports/tmpfiles.template:2:10: no value for $B",
		"exports/units/${NAME}.socket.template:2:14: no value for $C",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	for _, want := range []string{
		"--set-file NAME=FILE", "PORT: port, where it listens", "MODE: ro or rw, what it may do",
		"PASSWORD: secret, of the superuser", "$CREDENTIALS_DIRECTORY",
	} {
		if !strings.Contains(advice, want) {
			t.Errorf("there is no %q in\n%s", want, advice)
		}
	}
	if strings.Contains(text+advice, "hunter2") {
		t.Errorf("a value is shown:\n%s\n%s", text, advice)
	}
}

func TestSecretsAreInTheirOwnFilesOnly(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = secretImage()
	result := s.install(secretRequest())
	const deployment = "var/lib/syscontainer/containers/db/deploy/1/"
	if got := s.read(deployment + "credentials/PASSWORD"); got != "hunter2\n" {
		t.Errorf("the secret is %q", got)
	}
	for name, mode := range map[string]fs.FileMode{"credentials": 0o700, "credentials/PASSWORD": 0o600} {
		info, err := os.Stat(filepath.Join(s.root, deployment, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.root, deployment, "credentials/TOKEN")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a secret that was not given: %v", err)
	}
	dropIn := s.read("etc/systemd/system/db.service.d/10-syscontainer.conf")
	if !strings.Contains(dropIn, "LoadCredential=PASSWORD:/"+deployment+"credentials/PASSWORD\n") || strings.Contains(dropIn, "RuntimeDirectory") {
		t.Errorf("the drop-in is %s", dropIn)
	}
	config := s.read(deployment + "config.json")
	for _, want := range []string{`"CREDENTIALS_DIRECTORY=/run/credentials/db.service"`, `"source": "/run/credentials/db.service"`} {
		if !strings.Contains(config, want) {
			t.Errorf("there is no %s in %s", want, config)
		}
	}
	if strings.Contains(s.read("etc/tmpfiles.d/db.conf"), "credentials") {
		t.Error("the tmpfiles.d file makes the directory of the credentials")
	}
	if got := result.Record.Secrets; len(got) != 1 || got[0] != "PASSWORD" {
		t.Errorf("recorded %v", got)
	}
	s.nowhereElse("hunter2", deployment+"credentials/PASSWORD")
}

// nowhereElse checks that a text is in one file of the host only.
func (s *scene) nowhereElse(text, file string) {
	s.t.Helper()
	err := filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path == filepath.Join(s.root, file) {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			s.t.Errorf("%s shows it", path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestAVariableThatBecomesSecretIsShownNoMore: what an older deployment has in plain text
// is as secret as what the new one has in its own file.
func TestAVariableThatBecomesSecretIsShownNoMore(t *testing.T) {
	for name, changes := range map[string]deployment.Changes{
		"it stays set":  {},
		"it is unset":   {Unset: []string{"MODE"}},
		"it is another": {Values: map[string]string{"MODE": "another"}},
	} {
		s := newScene(t)
		const env = `"env": ["NAME=$NAME"`
		s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/config.json.template": file(strings.Replace(configTemplate, env, env+`, "MODE=$MODE"`, 1), 0o644)})
		s.images.images["db2"] = with(dbImage(), fstest.MapFS{"exports/manifest.json": file(`{"defaultValues": {"PORT": 1}, "values": {"MODE": {"secret": true}}}`, 0o644)})
		s.install(deployment.Request{Image: "db", Values: map[string]string{"MODE": "hunter2"}})
		s.images.leads["db"] = "db2"
		for _, dry := range []bool{true, false} {
			s.tellsNothing(name, s.update(install.UpdateRequest{Changes: changes, DryRun: dry}))
		}
		if name == "it is unset" {
			continue // then the older image says what the value is
		}
		for _, dry := range []bool{true, false} {
			result, err := s.Rollback(t.Context(), "db", install.RollbackRequest{DryRun: dry})
			if err != nil {
				t.Fatal(err)
			}
			s.tellsNothing("rollback after "+name, result)
		}
	}
}

func (s *scene) tellsNothing(what string, result *install.Result) {
	s.t.Helper()
	text, err := json.Marshal(result)
	if err != nil || strings.Contains(string(text), "hunter2") || result.Plan != nil && len(result.Warnings) == 0 {
		s.t.Errorf("%s: it tells %s, %v", what, text, err)
	}
}

func TestSecretsOfAnotherUser(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(secretImage(), fstest.MapFS{
		"exports/config.json.template": file(strings.Replace(configTemplate, `"uid": 0`, `"uid": 70`, 1), 0o644),
	})
	s.install(secretRequest())
	if got := s.read("etc/systemd/system/db.service.d/10-syscontainer.conf"); !strings.Contains(got, "\nRuntimeDirectory=syscontainer/db\n") {
		t.Errorf("the drop-in is %s", got)
	}
	config := s.read("var/lib/syscontainer/containers/db/deploy/1/config.json")
	for _, want := range []string{`"CREDENTIALS_DIRECTORY=/run/credentials/db.service"`, `"source": "/run/syscontainer/db/credentials"`} {
		if !strings.Contains(config, want) {
			t.Errorf("there is no %s in %s", want, config)
		}
	}
}

func TestShowKeepsSecrets(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = secretImage()
	result := s.install(secretRequest())
	details, err := s.Show(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal([]any{details, result})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hunter2") {
		t.Errorf("the secret is shown: %s", data)
	}
	got := map[string]install.VariableDetails{}
	for _, v := range details.Variables {
		got[v.Name] = v
	}
	for name, want := range map[string]struct {
		value string
		set   bool
	}{"PORT": {"1", true}, "OLD": {"2", false}, "MODE": {"rw", true}, "PASSWORD": {"", true}, "TOKEN": {"", false}} {
		if v := got[name]; v.Value != want.value || v.Set != want.set || v.Secret != (name == "PASSWORD" || name == "TOKEN") {
			t.Errorf("%s: got %+v", name, v)
		}
	}
}

func TestSecretsThatCannotBe(t *testing.T) {
	const unit = "[Service]\nExecStart=/bin/true\n"
	for name, tc := range map[string]struct {
		image fstest.MapFS
		value string
		want  string
	}{
		"in a unit":            {fstest.MapFS{"exports/service.template": file("[Service]\nExecStart=$EXEC_START\nEnvironment=P=$PASSWORD\n", 0o644)}, "x", "exports/service.template:3:15: $PASSWORD is a secret"},
		"in a tmpfiles.d file": {fstest.MapFS{"exports/tmpfiles.template": file("f /x - - - - $PASSWORD", 0o644)}, "x", "exports/tmpfiles.template:1:14: $PASSWORD is a secret"},
		"in a host file": {fstest.MapFS{
			"exports/manifest.json":      file(strings.Replace(settings, "{", `{"installedFilesTemplate": ["/etc/db.conf"], `, 1), 0o644),
			"exports/hostfs/etc/db.conf": file("password=$PASSWORD\n", 0o600),
		}, "x", "exports/hostfs/etc/db.conf:1:10: $PASSWORD is a secret"},
		"in a path":       {fstest.MapFS{"exports/manifest.json": file(strings.Replace(settings, "{", `{"renameFiles": {"/etc/db.conf": "/etc/$PASSWORD"}, `, 1), 0o644)}, "x", `manifest.json renameFiles["/etc/db.conf"]:1:6: $PASSWORD is a secret`},
		"too large":       {nil, strings.Repeat("x", 1<<20), "the secrets PASSWORD hold 1048576 bytes"},
		"no container":    {fstest.MapFS{"exports/service.template": file(unit, 0o644)}, "x", "db runs no container that could read the secret PASSWORD"},
		"only host files": {fstest.MapFS{"exports/manifest.json": file(strings.Replace(settings, "{", `{"noContainerService": true, `, 1), 0o644)}, "x", "db runs no container"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = with(secretImage(), tc.image)
			text, _ := refused(t, s, deployment.Request{Image: "db", Values: map[string]string{"MODE": "ro", "PASSWORD": tc.value}})
			if !strings.Contains(text, tc.want) {
				t.Errorf("got %s, want %s", text, tc.want)
			}
		})
	}
}

func TestWarningsAboutValues(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(secretImage(), fstest.MapFS{
		"exports/manifest.json": file(strings.Replace(settings, "{", `{"useLinks": true, "useLinks": true, `, 1), 0o644),
	})
	req := secretRequest()
	req.Exposed = map[string]string{"PASSWORD": "it was on a postcard", "PORT": "so was this"}
	warnings := strings.Join(s.install(req).Warnings, "\n")
	for _, want := range []string{"has useLinks more than once; the last one counts", "two defaults for OLD; the one of values counts", "PASSWORD is a secret: it was on a postcard"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning says %q:\n%s", want, warnings)
		}
	}
	for _, never := range []string{"so was this", "two defaults for PORT", "--set PASSWORD"} {
		if strings.Contains(warnings, never) {
			t.Errorf("a warning says %q:\n%s", never, warnings)
		}
	}
}

func TestEnvironmentFilesAreKnownByTheUnitOrTheirSuffix(t *testing.T) {
	const manifest = `{"defaultValues": {"V": "a b"}, "installedFilesTemplate": ["/etc/a", "/etc/b", "/etc/c.env", "/etc/d/e", "/etc/f"]}`
	const unit = "[Service]\nExecStart=$EXEC_START\nEnvironmentFile=/etc/a\nEnvironmentFile=-/etc/d/*\n"
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{
		"exports/manifest.json": file(manifest, 0o644), "exports/service.template": file(unit, 0o644),
		"exports/config.json.template": file(strings.Replace(configTemplate, "$PORT", "$V", 1), 0o644), "exports/hostfs/etc/db.conf": nil,
		"exports/hostfs/etc/a": file("V=$V", 0o644), "exports/hostfs/etc/b": file("V=$V", 0o644), "exports/hostfs/etc/c.env": file("V=$V", 0o644),
		"exports/hostfs/etc/d/e": file("V=$V", 0o644), "exports/hostfs/etc/f": file("V=$$V", 0o644),
	})
	s.install(deployment.Request{Image: "db"})
	for name, want := range map[string]string{"a": `V=a\ b`, "b": "V=a b", "c.env": `V=a\ b`, "d/e": `V=a\ b`, "f": "V=$V"} {
		if got := s.read("etc/" + name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
