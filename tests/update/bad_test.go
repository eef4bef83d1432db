package update_test

import (
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

const (
	appConfig = `{
  "ociVersion": "1.0.2",
  "process": {"args": ["/bin/app", "serve"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["GREETING=$GREETING"]},
  "root": {"path": "rootfs", "readonly": true},
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/data", "type": "bind", "source": "/var/lib/app", "options": ["rbind", "rw"]}
  ],
  "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]}
}`
	appUnit = `[Unit]
Description=An app of tests
[Service]
Type=notify
NotifyAccess=all
ExecStart=$EXEC_START
Restart=on-failure
# On a busy machine, systemd's own restart would else come before the way back.
RestartSec=10
TimeoutStartSec=3
[Install]
WantedBy=multi-user.target
`
)

// appImage is a layout with the app, and files in the place of its own.
func appImage(t *testing.T, program string, files ociimage.Files) string {
	t.Helper()
	all := ociimage.Files{
		"exports/config.json.template": appConfig,
		"exports/service.template":     appUnit,
		"exports/manifest.json":        `{"defaultValues": {"GREETING": "hello"}}`,
	}
	for name, text := range files {
		all[name] = text
	}
	layout := t.TempDir()
	if err := ociimage.Write(layout, imgspec.ImageConfig{Cmd: []string{"/bin/app"}}, ociimage.Files{"bin/app": program}, all); err != nil {
		t.Fatal(err)
	}
	return layout
}

// command is the configuration with another command line.
func command(args string) string { return strings.Replace(appConfig, `"/bin/app", "serve"`, args, 1) }

// bad are updates, each worse than the last one; a word that it runs is remembered.
var bad = []struct {
	name       string
	files      ociimage.Files
	says       []string
	remembered bool
}{
	{
		name:       "does not start",
		files:      ociimage.Files{"exports/config.json.template": command(`"/bin/nothing"`)},
		says:       []string{"deployment 2 was given up, and 1 runs again: restarting app.service: its main process ended with status 1", "/bin/nothing"},
		remembered: true,
	},
	{
		name:       "ends at once",
		files:      ociimage.Files{"exports/config.json.template": command(`"/bin/app", "once", "3"`)},
		says:       []string{"and 1 runs again: restarting app.service: ", "hello, once"},
		remembered: true,
	},
	{
		name:       "dies after a while",
		files:      ociimage.Files{"exports/config.json.template": command(`"/bin/app", "die", "5s"`)},
		says:       []string{"and 1 runs again: app.service ", "ready", "this is the end"},
		remembered: true,
	},
	{
		name:       "is never ready",
		files:      ociimage.Files{"exports/config.json.template": command(`"/bin/app", "silent"`)},
		says:       []string{"and 1 runs again: restarting app.service: it was not ready in time"},
		remembered: true,
	},
	{
		name: "is not healthy",
		files: ociimage.Files{"exports/manifest.json": `{"defaultValues": {"GREETING": "hello"},
			"healthCheck": {"exec": ["/bin/app", "once", "3"], "interval": "100ms", "retries": 3}}`},
		says:       []string{"and 1 runs again: checking the health of app: ", "hello, once"},
		remembered: true,
	},
	{
		name:  "lacks a value",
		files: ociimage.Files{"exports/service.template": appUnit + "# $COLOUR\nX-Colour=$COLOUR\n"},
		says:  []string{"updating app: ", "COLOUR", "--set NAME=VALUE"},
	},
	{
		name:  "has a broken template",
		files: ociimage.Files{"exports/config.json.template": strings.Replace(appConfig, "$GREETING", "$1", 1)},
		says:  []string{"updating app: ", "config.json.template:3:"},
	},
}

func TestABadUpdateChangesNothing(t *testing.T) {
	m := machine(t, "/var/lib/app")
	program := hosttest.App(t)
	publish(t, m, appImage(t, program, nil), "app:latest")
	m.Must("syscontainer", "install", "--system", "--set", "GREETING=mine", "docker://localhost:5000/app")
	m.Must("systemctl", "start", "app")
	m.Must("sh", "-c", "echo precious >/var/lib/app/data")
	repo := m.Must("sh", "-c", repoList)
	for _, b := range bad {
		t.Run(b.name, func(t *testing.T) {
			m := m.For(t)
			publish(t, m, appImage(t, program, b.files), "app:latest")
			pid := m.Property("app", "MainPID")
			result := m.Try("syscontainer", "update", "app")
			if result.Code != 1 {
				t.Errorf("exit status %d: %s", result.Code, result.Stdout)
			}
			hosttest.Contains(t, "the message", result.Stderr, b.says...)
			runsAsBefore(t, m, repo)
			if !b.remembered {
				hosttest.SameText(t, "the main process", m.Property("app", "MainPID"), pid)
				return
			}
			again := m.Try("syscontainer", "update", "app")
			if again.Code != 1 {
				t.Errorf("the same again: exit status %d", again.Code)
			}
			hosttest.Contains(t, "the same again", again.Stderr, "failed before: ", "syscontainer update --retry app")
			all := m.Try("syscontainer", "update", "--all")
			hosttest.Contains(t, "update --all", all.Stderr, "app: skipped: sha256:")
			hosttest.SameText(t, "update --all", all.Stdout, "")
			if all.Code != 0 {
				t.Errorf("update --all: exit status %d", all.Code)
			}
		})
	}
	good := ociimage.Files{"exports/manifest.json": `{"defaultValues": {"GREETING": "new"}, "healthCheck": {"exec": ["/bin/app", "once", "0"], "interval": "100ms"}}`}
	publish(t, m, appImage(t, program, good), "app:latest")
	m.Must("syscontainer", "update", "--wait", "1s", "app")
	hosttest.SameText(t, "the state", m.Property("app", "ActiveState"), "active")
	hosttest.Contains(t, "the journal", m.Must("journalctl", "--unit=app"), "serving, GREETING=mine")
}

const repoList = "cd /var/lib/syscontainer/repo && find objects refs -type f | sort"

// runsAsBefore demands that a failed update has left nothing but the memory of it.
func runsAsBefore(t *testing.T, m *hosttest.Machine, repo string) {
	t.Helper()
	hosttest.SameText(t, "the state", m.Property("app", "ActiveState"), "active")
	hosttest.SameText(t, "the restarts", m.Property("app", "NRestarts"), "0")
	const state = "/var/lib/syscontainer/containers/app/"
	hosttest.SameText(t, "the deployments", m.Must("sh", "-c", "cd "+state+" && ls -A . deploy && readlink current"), ".:\ncurrent\ndeploy\nhistory.json\n\ndeploy:\n1\ndeploy/1")
	root := m.Must("stat", "-c", "%i", "/proc/"+m.Property("app", "MainPID")+"/root/exports/manifest.json")
	hosttest.SameText(t, "what runs", root, m.Must("stat", "-c", "%i", state+"deploy/1/rootfs/exports/manifest.json"))
	hosttest.SameText(t, "the data", m.Must("cat", "/var/lib/app/data"), "precious")
	hosttest.SameText(t, "the repo", m.Must("sh", "-c", repoList), repo)
}
