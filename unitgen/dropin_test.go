package unitgen_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/golden"
	"github.com/syscontainer/syscontainer/unitgen"
)

// service is a unit that runs something, with more lines in its section Service.
func service(lines ...string) unitgen.Unit {
	text := "[Service]\nExecStart=/x\n" + strings.Join(lines, "\n")
	unit, err := unitgen.ParseUnit("x.service", []byte(text))
	if err != nil {
		panic(err)
	}
	return unit
}

func TestDropInKeepsWhatTheUnitSays(t *testing.T) {
	for _, tc := range []struct {
		unit     unitgen.Unit
		has, not []string
	}{
		{service(), []string{"Type=notify", "NotifyAccess=all", "Delegate=yes", "KillMode=mixed", "SyslogIdentifier=x"}, nil},
		{service("Type=forking", "PIDFile=/run/x.pid"), []string{"Type=notify"}, nil},
		{service("Type=idle"), []string{"Type=notify"}, nil},
		{service("Type=oneshot"), []string{"Delegate=yes"}, []string{"Type="}},
		{service("BusName=org.x"), []string{"NotifyAccess=all"}, []string{"Type="}},
		{service("NotifyAccess=none"), []string{"NotifyAccess=all"}, nil},
		{service("NotifyAccess=main", "KillMode=process", "SyslogIdentifier=y"), nil, []string{"NotifyAccess=", "KillMode=", "SyslogIdentifier="}},
		{service("Delegate=no"), []string{"Delegate=yes"}, nil},
		{service("Delegate=cpu memory"), nil, []string{"Delegate="}},
	} {
		text, err := unitgen.DropIn(unitgen.DropInSpec{Name: "x", DeployDir: "/d", Runtime: "/r", Unit: tc.unit})
		if err != nil {
			t.Error(err)
		}
		for _, line := range tc.has {
			if !strings.Contains(string(text), "\n"+line+"\n") {
				t.Errorf("%v: no %s in\n%s", tc.unit, line, text)
			}
		}
		for _, key := range tc.not {
			if strings.Contains(string(text), "\n"+key) {
				t.Errorf("%v: sets %s in\n%s", tc.unit, key, text)
			}
		}
	}
}

func TestDropInRefusesWhatNoContainerCanStartWith(t *testing.T) {
	unit := service("User=etcd", "Group=etcd", "DynamicUser=yes", "RootDirectory=/srv", "RootImage=/x", "ProtectControlGroups=strict")
	_, err := unitgen.DropIn(unitgen.DropInSpec{Name: "x", DeployDir: "/d", Runtime: "/r", Unit: unit})
	for _, key := range []string{"User", "Group", "DynamicUser", "RootDirectory", "RootImage", "ProtectControlGroups"} {
		if err == nil || !strings.Contains(err.Error(), key+"=: ") {
			t.Errorf("%s= is not refused: %v", key, err)
		}
	}
	unit = service("User=root", "Group=", "DynamicUser=false", "RootDirectory=/", "ProtectControlGroups=no", "User=")
	if _, err := unitgen.DropIn(unitgen.DropInSpec{Name: "x", DeployDir: "/d", Runtime: "/r", Unit: unit}); err != nil {
		t.Error(err)
	}
}

func TestDropInGolden(t *testing.T) {
	tests := map[string]unitgen.DropInSpec{
		"minimal.conf": {
			Name:      "etcd",
			DeployDir: "/var/lib/syscontainer/containers/etcd/deploy/1",
			Runtime:   "/usr/bin/runc",
			Unit:      service(),
		},
		"full.conf": {
			Name:       "flannel-2",
			DeployDir:  "/var/lib/syscontainer/containers/flannel-2/deploy/17",
			Runtime:    "/usr/bin/crun",
			Unit:       service("Type=notify-reload"),
			KillSignal: "rtmin+3",
			After:      []string{"etcd.service", "network-online.target", "etcd.service"},
			Before:     []string{"docker.service"},
			Requires:   []string{"etcd.service"},
			Wants:      []string{"network-online.target", `srv-a\x2db.mount`},
			Credentials: []unitgen.Credential{
				{Name: "PASSWORD", Path: "/var/lib/syscontainer/containers/flannel-2/deploy/17/credentials/PASSWORD"},
				{Name: "a.b-c_1", Path: `/srv/50% "off"/a: b`},
			},
			RuntimeDirectory: "syscontainer/flannel-2",
			Dependents:       []string{"docker.service", "kubelet.service"},
			Launcher:         "/usr/libexec/syscontainer-launch",
		},
		"nasty.conf": {
			Name:       "a.b_c-d",
			DeployDir:  `/srv/100% "mine"/it's\n/é`,
			Runtime:    "/opt/my runtime/%n/runc$HOME",
			Unit:       service("Type=exec"),
			KillSignal: "2",
		},
	}
	for file, spec := range tests {
		got, err := unitgen.DropIn(spec)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		golden.Check(t, filepath.Join("testdata", file), got)
		if _, err := unitgen.ParseUnit(file, got); err != nil {
			t.Error(err)
		}
	}
}

func TestDropInRefusesEverythingWrongAtOnce(t *testing.T) {
	got, err := unitgen.DropIn(unitgen.DropInSpec{
		Name:       "../x",
		DeployDir:  "/a\nType=forking",
		Runtime:    "runc",
		Unit:       service("Type=spoon"),
		KillSignal: "SIGNONE",
		After:      []string{"etcd"},
		Credentials: []unitgen.Credential{
			{Name: "a:b", Path: "/x"}, {Name: "", Path: "/x"}, {Name: "x", Path: "/a\nUser=x"}, {Name: "x", Path: "a"},
		},
		RuntimeDirectory: "../x",
	})
	want := []string{
		`name "../x" does not begin with a letter or a digit`,
		`RequiresMountsFor=: "/a\nType=forking" has a control character`,
		`name "etcd" does not end in .service, .target or another type of unit`,
		`Type=: "spoon" is not a type of service that systemd knows`,
		`ExecStopPost=: "runc" is not an absolute path`,
		`KillSignal=: "SIGNONE" is not a signal`,
		`LoadCredential=: "a:b" is not the name of a credential`,
		`LoadCredential=: "" is not the name of a credential`,
		`LoadCredential=: "/a\nUser=x" has a control character`,
		`LoadCredential=: "a" is not an absolute path`,
		`RuntimeDirectory=: "/../x" is not in its shortest form`,
	}
	if got != nil || err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %q and:\n%v", got, err)
	}
	var valueErr *unitgen.ValueError
	if !errors.As(err, &valueErr) || valueErr.Setting != "RequiresMountsFor" {
		t.Errorf("got %#v", valueErr)
	}
}

func TestDropInSignals(t *testing.T) {
	for signal, want := range map[string]string{
		"SIGTERM": "SIGTERM", "term": "SIGTERM", "15": "SIGTERM", "SIGQUIT": "SIGQUIT", "31": "SIGSYS",
		"1": "SIGHUP", "SIGRTMIN": "SIGRTMIN+0", "RTMIN+3": "SIGRTMIN+3", "37": "SIGRTMIN+3",
		"SIGRTMAX-1": "SIGRTMIN+29", "64": "SIGRTMIN+30", "RTMAX": "SIGRTMIN+30",
		"0": "", "32": "", "33": "", "65": "", "-1": "", "SIG15": "", "SIG": "", "RTMIN+31": "",
		"RTMIN-1": "", "RTMAX+1": "", "RTMIN+": "", "RTMIN+ 1": "", "TERM\n": "", "SIGTERM ": "",
	} {
		text, err := unitgen.DropIn(unitgen.DropInSpec{
			Name: "x", DeployDir: "/d", Runtime: "/r", KillSignal: signal, Unit: service(),
		})
		if want == "" {
			if err == nil {
				t.Errorf("%q: accepted", signal)
			}
			continue
		}
		if !strings.Contains(string(text), "\nKillSignal="+want+"\n") || err != nil {
			t.Errorf("%q: got %q, %v", signal, text, err)
		}
	}
}

// Whatever the values are, the drop-in has the lines that its shape asks for, or
// there is none.
func FuzzDropIn(f *testing.F) {
	f.Add("etcd", "/var/lib/x", "/usr/bin/runc", "notify", "SIGINT", "etcd.service", "docker.service")
	f.Add("a.b", "/a b\"'\\%", "/r$X\t", "exec", "37", "a@b.socket", `x\x2d.mount`)
	f.Add("x\n", "/a\nb", "/a\rb", "simple\n", "TERM\n", "a.service\nX=y", "")
	f.Fuzz(func(t *testing.T, name, dir, runtime, typ, signal, after, wants string) {
		unit, err := unitgen.ParseUnit("x", []byte("[Service]\nType="+typ))
		if err != nil {
			return
		}
		typ = unit.Type()
		spec := unitgen.DropInSpec{
			Name: name, DeployDir: dir, Runtime: runtime, Unit: unit, KillSignal: signal,
			After: []string{after}, Wants: []string{wants, wants},
		}
		text, err := unitgen.DropIn(spec)
		if err != nil {
			if text != nil {
				t.Errorf("text in spite of %v", err)
			}
			return
		}
		want := 17
		if signal == "" {
			want--
		}
		switch typ {
		case "notify-reload":
			want++
		case "oneshot", "dbus":
			want--
		}
		if got := strings.Count(string(text), "\n"); got != want {
			t.Errorf("%d lines, want %d:\n%s", got, want, text)
		}
		u, err := unitgen.ParseUnit("x.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"ExecStopPost", "KillMode", "Delegate"} {
			if n := len(u.All("Service", key)); n != 1 {
				t.Errorf("%d times %s=", n, key)
			}
		}
		if words := u.Words("Unit", "Wants"); len(words) != 1 || words[0] != wants {
			t.Errorf("Wants= is %q", words)
		}
	})
}
