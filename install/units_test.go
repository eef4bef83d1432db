package install_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

const plainService = "[Service]\nExecStart=$EXEC_START\n[Install]\nWantedBy=multi-user.target\n"

// dbWithUnits is the image with a timer, a service for it, a socket and a mount.
func dbWithUnits() fstest.MapFS {
	return with(dbImage(), fstest.MapFS{
		"exports/units/${NAME}.socket.template":   file("[Socket]\nListenStream=$PORT\n[Install]\nWantedBy=sockets.target\n", 0o644),
		"exports/units/$NAME-backup.timer":        file("[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n", 0o644),
		"exports/units/$NAME-backup.service":      file("[Service]\nType=oneshot\nExecStart=/bin/echo $HOME\n", 0o644),
		"exports/units/$NAME-data.mount.template": file("[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/srv/$NAME\n", 0o644),
	})
}

func TestImagesBringUnits(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbWithUnits()
	before := s.tree()
	result := s.install(deployment.Request{Image: "db", Name: "my-db"})
	const dir = "etc/systemd/system/"
	for name, want := range map[string]string{
		"my-db.socket":         "ListenStream=5432",
		"my-db-backup.timer":   "OnCalendar=daily",
		"my-db-backup.service": "/bin/echo $HOME",
		`srv-my\x2ddb.mount`:   "Where=/srv/my-db",
	} {
		if got := s.read(dir + name); !strings.Contains(got, want) {
			t.Errorf("%s is %q", name, got)
		}
		if !s.services.enabled[name] {
			t.Errorf("%s is not enabled", name)
		}
	}
	if got := s.read("var/lib/syscontainer/containers/my-db/deploy/1/config.json"); !strings.Contains(got, `"LISTEN_FDS=1"`) {
		t.Errorf("the container does not learn of its socket: %s", got)
	}
	if len(result.Record.Units) != 4 {
		t.Errorf("the record has %v", result.Record.Units)
	}
	if err := s.Start(t.Context(), "my-db"); err != nil {
		t.Fatal(err)
	}
	started := strings.Join(s.effects.done[len(s.effects.done)-3:], ", ")
	if started != "start my-db-backup.timer, start my-db.socket, start my-db.service" {
		t.Errorf("the order is %s", started)
	}
	details, err := s.Show(t.Context(), "my-db")
	if err != nil || len(details.Units) != 4 || details.Units[1].Name != "my-db-backup.timer" || details.Units[1].State != "active" {
		t.Errorf("shows %+v, %v", details.Units, err)
	}
	if _, err := s.Uninstall(t.Context(), "my-db", install.UninstallRequest{}); err != nil {
		t.Fatal(err)
	}
	if after := s.tree(); after != before || len(s.services.enabled)+len(s.services.state) > 0 {
		t.Errorf("left behind: %v, %v\n%s", s.services.enabled, s.services.state, after)
	}
}

func TestUnitsWithoutAContainer(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/units/db.service": file("[Service]\nExecStart=/usr/local/bin/x\n", 0o644),
	})
	if err := installDB(s); err == nil || !strings.Contains(err.Error(), "service.template makes") {
		t.Errorf("got %v", err)
	}
	s.images.images["db"] = filesImage(fstest.MapFS{
		"exports/units/db-x.service": file("[Service]\nExecStart=/usr/local/bin/x\n[Install]\nWantedBy=multi-user.target\n", 0o644),
	})
	s.install(deployment.Request{Image: "db"})
	if !s.services.enabled["db-x.service"] || s.services.enabled["db.service"] {
		t.Errorf("enabled are %v", s.services.enabled)
	}
}

func TestUninstallFindsUnitsWithoutARecord(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbWithUnits()
	s.install(deployment.Request{Image: "db"})
	s.write("var/lib/syscontainer/containers/db/deploy/1/record.json", "{", 0o600)
	if err := uninstallDB(s); err != nil {
		t.Fatal(err)
	}
	if tree := s.tree(); strings.Contains(tree, "/db") && strings.Contains(tree, "systemd/system/db") || strings.Contains(tree, ".mount") {
		t.Errorf("left behind:\n%s", tree)
	}
	if len(s.services.enabled) > 0 {
		t.Errorf("still enabled: %v", s.services.enabled)
	}
}

func TestUnitsThatAreRefused(t *testing.T) {
	const install = "[Install]\nWantedBy=multi-user.target\n"
	for _, tc := range []struct {
		name  string
		files fstest.MapFS
		host  func(*scene)
		want  string
	}{
		{name: "a name of its own", files: fstest.MapFS{"exports/units/backup.timer": file("[Timer]\n", 0o644)}, want: "db.timer or db-SOMETHING.timer"},
		{name: "no unit", files: fstest.MapFS{"exports/units/README": file("x", 0o644)}, want: "does not end in .service"},
		{name: "a directory", files: fstest.MapFS{"exports/units/db.service.d/x.conf": file("x", 0o644)}, want: "not a regular file"},
		{name: "a file as units", files: fstest.MapFS{"exports/units": file("x", 0o644)}, want: "it is not a directory"},
		{name: "a second container", files: fstest.MapFS{"exports/units/db-2.service.template": file("[Service]\nExecStart=$EXEC_START\n", 0o644)}, want: "one container runs once"},
		{name: "bad syntax", files: fstest.MapFS{"exports/units/db.target": file("[Unit]\nx\n", 0o644)}, want: `exports/units/db.target:2: the line has no "="`},
		{name: "a timer for nothing", files: fstest.MapFS{"exports/units/db-x.timer": file("[Timer]\n", 0o644)}, want: "it starts db-x.service, which the image does not have"},
		{name: "a socket for instances", files: fstest.MapFS{"exports/units/db.socket": file("[Socket]\nAccept=yes\n", 0o644)}, want: "it starts db@.service"},
		{name: "a mount without a place", files: fstest.MapFS{"exports/units/db.mount": file("[Mount]\nWhat=/x\n", 0o644)}, want: "Where=: \"\" is not an absolute path"},
		{name: "two of a name", files: fstest.MapFS{"exports/units/db.target": file("", 0o644), "exports/units/$NAME.target": file("", 0o644)}, want: "two entries of the image want to be"},
		{name: "a foreign unit with it", files: fstest.MapFS{"exports/service.template": file(plainService+"Also=ssh.service\n", 0o644)}, want: "Also=ssh.service: uninstalling would disable that unit"},
		{name: "an alias of another type", files: fstest.MapFS{"exports/service.template": file(plainService+"Alias=x.socket\n", 0o644)}, want: "systemd demands the suffix .service"},
		{name: "an alias that climbs", files: fstest.MapFS{"exports/service.template": file(plainService+"Alias=../x.service\n", 0o644)}, want: "characters that no unit name can have"},
		{
			name: "an alias that is taken", files: fstest.MapFS{"exports/service.template": file(plainService+"Alias=x.service\n", 0o644)},
			host: func(s *scene) { s.write("etc/systemd/system/x.service", "", 0o644) }, want: "the host has a unit of that name, /etc/systemd/system/x.service",
		},
		{
			name: "a unit that was made at run time", files: fstest.MapFS{"exports/units/db.target": file(install, 0o644)},
			host: func(s *scene) { s.write("run/systemd/system/db.target", "", 0o644) }, want: "the host has a unit of that name, /run/systemd/system/db.target",
		},
		{
			name: "a unit of a generator", files: nil,
			host: func(s *scene) { s.write("run/systemd/generator.late/db.service", "", 0o644) }, want: "/run/systemd/generator.late/db.service",
		},
		{
			name: "a socket without a pid namespace",
			files: fstest.MapFS{
				"exports/config.json.template": file(strings.Replace(configTemplate, `, {"type": "pid"}`, "", 1), 0o644),
				"exports/units/db.socket":      file("[Socket]\nListenStream=1\n", 0o644),
			},
			want: "no pid namespace of its own",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = with(dbImage(), tc.files)
			if tc.host != nil {
				tc.host(s)
			}
			before := s.tree()
			if err := installDB(s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if s.tree() != before {
				t.Error("the host was changed")
			}
		})
	}
}

// A unit of one container and another container of the unit's name get in each
// other's way in both orders, and are refused in both.
func TestUnitsOfTwoContainersCollide(t *testing.T) {
	for name, order := range map[string][]string{"unit first": {"db", "db-backup"}, "container first": {"db-backup", "db"}} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = with(dbWithUnits(), fstest.MapFS{"exports/hostfs/etc/db-link": nil})
			s.images.images["db-backup"] = fstest.MapFS{
				"exports/service.template": file("[Service]\nExecStart=/bin/x\n", 0o644),
			}
			s.install(deployment.Request{Image: order[0]})
			_, err := s.Install(t.Context(), deployment.Request{Image: order[1]})
			if want := "/etc/systemd/system/db-backup.service belongs to the container " + order[0]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEmptyCommandsAreHarmless(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/service.template": file(`[Service]
ExecStartPre=/bin/mkdir -p /run/$NAME
ExecStartPre=-$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStop=${EXEC_STOP}
ExecStopPost=+$EXEC_STOPPOST
ExecReload=
`, 0o644)})
	s.install(deployment.Request{Image: "db"})
	want := "[Service]\nExecStartPre=/bin/mkdir -p /run/db\n\nExecStart=/usr/libexec/syscontainer-launch "
	got := s.read("etc/systemd/system/db.service")
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " db\n\n\nExecReload=\n") {
		t.Errorf("the unit is\n%s", got)
	}
}

func TestTypesOfServices(t *testing.T) {
	for unitType, want := range map[string]struct{ exec, dropIn string }{
		"":        {"syscontainer-launch --runtime", "\nType=notify\n"},
		"simple":  {"syscontainer-launch --runtime", "\nType=notify\n"},
		"notify":  {"syscontainer-launch --runtime", "\nType=notify\n"},
		"forking": {"syscontainer-launch --runtime", "\nType=notify\n"},
		"idle":    {"syscontainer-launch --runtime", "\nType=notify\n"},
		"oneshot": {"syscontainer-launch --foreground --runtime", "[Service]\nNotifyAccess=all\n"},
		"dbus":    {"syscontainer-launch --runtime", "[Service]\nNotifyAccess=all\n"},
	} {
		t.Run(unitType, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = with(dbImage(), fstest.MapFS{
				"exports/service.template": file("[Service]\nType="+unitType+"\nExecStart=$EXEC_START\nPIDFile=$PIDFILE\n", 0o644),
			})
			s.install(deployment.Request{Image: "db"})
			if got := s.read("etc/systemd/system/db.service"); !strings.Contains(got, want.exec) {
				t.Errorf("the unit is\n%s", got)
			}
			if got := s.read("etc/systemd/system/db.service.d/10-syscontainer.conf"); !strings.Contains(got, want.dropIn) {
				t.Errorf("the drop-in is\n%s", got)
			}
		})
	}
}
