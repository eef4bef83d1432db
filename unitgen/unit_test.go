package unitgen_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	systemd "github.com/coreos/go-systemd/v22/unit"

	"github.com/syscontainer/syscontainer/unitgen"
)

func parse(t *testing.T, text string) unitgen.Unit {
	t.Helper()
	u, err := unitgen.ParseUnit("test.service", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestParseUnitReadsLikeSystemd(t *testing.T) {
	u := parse(t, "\ufeff# comment \\\n[Unit]\r\n  After = a.service  \n; other\n"+
		"After=b.service \\\n# between\n  c.service\nDescription=a\\\\\nAfter=\n"+
		"[Service]\nExecStart=/bin/x a=b\nExecStop=\nX=end\\")
	tests := []struct {
		section, key string
		want         []string
	}{
		{"Unit", "After", []string{"a.service", "b.service    c.service", ""}},
		{"Unit", "Description", []string{`a\\`}},
		{"Service", "ExecStart", []string{"/bin/x a=b"}},
		{"Service", "ExecStop", []string{""}},
		{"Service", "X", []string{"end"}},
		{"Service", "After", nil},
	}
	for _, test := range tests {
		if got := u.All(test.section, test.key); !slices.Equal(got, test.want) {
			t.Errorf("%s/%s: got %q, want %q", test.section, test.key, got, test.want)
		}
	}
	if got := u.Words("Unit", "After"); !slices.Equal(got, []string{"a.service", "b.service", "c.service"}) {
		t.Errorf("After= splits into %q", got)
	}
	if value, ok := u.Last("Unit", "After"); value != "" || !ok {
		t.Errorf("last After= is %q, %v", value, ok)
	}
	if _, ok := u.Last("Unit", "Before"); ok {
		t.Error("Before= is there")
	}
}

func TestParseUnitNamesEveryBadLine(t *testing.T) {
	text := "A=b\n[Unit\n[]\n[Service]\nExecStart=/x \\\n  y\nlonely \\\n words\n=value\nX=\xff\nX=\x00\nOK=1\n"
	_, err := unitgen.ParseUnit("etcd.service", []byte(text))
	want := []string{
		"etcd.service:1: the assignment stands before the first section",
		"etcd.service:2: the section header is incomplete",
		"etcd.service:3: the section header is incomplete",
		`etcd.service:7: the line has no "="`,
		`etcd.service:9: nothing is assigned to before "="`,
		"etcd.service:10: the line is not valid UTF-8",
		"etcd.service:11: the line has a control character",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got:\n%v", err)
	}
	var syntaxErr *unitgen.SyntaxError
	if !errors.As(err, &syntaxErr) || syntaxErr.Line != 1 {
		t.Errorf("got %#v", syntaxErr)
	}
}

func TestParseUnitTakesLongLines(t *testing.T) {
	long := "/bin/x " + strings.Repeat("y", 100_000)
	u := parse(t, "[Service]\nExecStart="+long+"\n")
	if got, _ := u.Last("Service", "ExecStart"); got != long {
		t.Errorf("got %d bytes", len(got))
	}
}

// Where both parsers take a unit, they say the same.
func TestParseUnitAgreesWithGoSystemd(t *testing.T) {
	files, err := filepath.Glob("testdata/*.service")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		options, err := systemd.DeserializeOptions(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		u := parse(t, string(text))
		for _, o := range options {
			want := strings.Join(strings.Fields(strings.ReplaceAll(o.Value, "\\\n", " ")), " ")
			if !slices.ContainsFunc(u.All(o.Section, o.Name), func(v string) bool {
				return strings.Join(strings.Fields(v), " ") == want
			}) {
				t.Errorf("%s: %s/%s=%q is missing", file, o.Section, o.Name, want)
			}
		}
	}
}

func TestQuestionsAboutRealUnits(t *testing.T) {
	const launcher = "/usr/libexec/syscontainer-launch"
	tests := []struct {
		file, typ, cgroup string
		runs              bool
		before, required  []string
	}{
		{"etcd.service", "notify", "/system.slice/etcd.service", true,
			[]string{"flanneld.service", "docker.service"}, []string{"flanneld.service"}},
		{"plain.service", "simple", "/machine.slice/machine-a.slice/plain.service", true, nil, nil},
		{"hostonly.service", "oneshot", "/system.slice/hostonly.service", false, nil, nil},
	}
	for _, test := range tests {
		text, err := os.ReadFile(filepath.Join("testdata", test.file))
		if err != nil {
			t.Fatal(err)
		}
		u := parse(t, string(text))
		cgroup, err := u.CgroupPath(test.file)
		if err != nil || cgroup != test.cgroup {
			t.Errorf("%s: cgroup %q, %v", test.file, cgroup, err)
		}
		if u.Type() != test.typ || u.Notifies() != (test.typ == "notify") || u.Runs(launcher) != test.runs {
			t.Errorf("%s: type %q, runs %v", test.file, u.Type(), u.Runs(launcher))
		}
		if got := u.Words("Unit", "Before"); !slices.Equal(got, test.before) {
			t.Errorf("%s: Before= %q", test.file, got)
		}
		if got := u.Words("Install", "RequiredBy"); !slices.Equal(got, test.required) {
			t.Errorf("%s: RequiredBy= %q", test.file, got)
		}
	}
}

func TestType(t *testing.T) {
	tests := []struct {
		service, want string
		notifies      bool
	}{
		{"", "oneshot", false},
		{"ExecStart=/x", "simple", false},
		{"ExecStart=/x\nExecStart=", "oneshot", false},
		{"ExecStart=/x\nBusName=org.x", "dbus", false},
		{"Type=notify\nType=", "notify", true},
		{"Type=notify\nType=exec", "exec", false},
		{"Type=notify-reload", "notify-reload", true},
	}
	for _, test := range tests {
		u := parse(t, "[Service]\n"+test.service+"\n")
		if u.Type() != test.want || u.Notifies() != test.notifies {
			t.Errorf("%q: got %q, %v", test.service, u.Type(), u.Notifies())
		}
	}
}

func TestRuns(t *testing.T) {
	const program = "/usr/bin/launch"
	for line, want := range map[string]bool{
		"ExecStart=/usr/bin/launch --x":                     true,
		"ExecStart=-/usr/bin/launch":                        true,
		"ExecStart=@/usr/bin/launch x":                      true,
		`ExecStart="/usr/bin/launch" x`:                     true,
		"ExecStart=/bin/sh -c 'exec /usr/bin/launch x'":     true,
		"ExecStartPre=/usr/bin/launch":                      true,
		"ExecStart=/usr/bin/launcher":                       false,
		"ExecStart=/usr/bin/launch-x":                       false,
		"ExecStart=/opt/usr/bin/launch":                     false,
		"ExecStart=/opt/usr/bin/launch ; /usr/bin/launch":   true,
		"ExecStart=/usr/bin/launch\nExecStart=":             false,
		"ExecStart=/usr/bin/launch\nExecStart=\nExecStop=x": false,
		"Environment=X=/usr/bin/launch":                     false,
		"ExecStart=$EXEC_START":                             false,
	} {
		if got := parse(t, "[Service]\n"+line+"\n").Runs(program); got != want {
			t.Errorf("%q: got %v", line, got)
		}
	}
	if parse(t, "[Service]\nExecStart=/x\n").Runs("") {
		t.Error("the empty program runs")
	}
}

func TestWordsUnquote(t *testing.T) {
	u := parse(t, "[Unit]\nAfter=\"a b\" c\"d\"e  'f' \"\"\tsrv-a\\x2db.mount 'open end\n")
	want := []string{"a b", "cde", "f", "", `srv-a\x2db.mount`, "open end"}
	if got := u.Words("Unit", "After"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCgroupPath(t *testing.T) {
	tests := []struct{ slice, unit, want string }{
		{"", "etcd.service", "/system.slice/etcd.service"},
		{"system.slice", "etcd.service", "/system.slice/etcd.service"},
		{"a-b-c.slice", "etcd.service", "/a.slice/a-b.slice/a-b-c.slice/etcd.service"},
		{"-.slice", "etcd.service", "/etcd.service"},
		{"memory-x.slice", "memory.service", "/_memory.slice/memory-x.slice/_memory.service"},
		{"_x.slice", "cgroup.x.service", "/__x.slice/_cgroup.x.service"},
		{"pids.slice", "cpus.service", "/_pids.slice/cpus.service"},
		{`a\x2db.slice`, "x.service", `/a\x2db.slice/x.service`},
	}
	for _, test := range tests {
		u := parse(t, "[Service]\nSlice=other.slice\nSlice="+test.slice+"\n")
		if test.slice == "" {
			u = parse(t, "[Service]\nSlice=\n")
		}
		if got, err := u.CgroupPath(test.unit); got != test.want || err != nil {
			t.Errorf("%q, %q: got %q, %v", test.slice, test.unit, got, err)
		}
	}
	for _, slice := range []string{"a", "x.service", "a--b.slice", "%i.slice", "a/b.slice"} {
		if got, err := parse(t, "[Service]\nSlice="+slice+"\n").CgroupPath("x.service"); err == nil {
			t.Errorf("%q: got %q", slice, got)
		}
	}
	if got, err := (unitgen.Unit{}).CgroupPath("../x"); err == nil {
		t.Errorf("got %q", got)
	}
}

func FuzzParseUnit(f *testing.F) {
	f.Add([]byte("[Unit]\nAfter=a\\\n#x\n b\n[Service]\nType=notify\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := unitgen.ParseUnit("x.service", text)
		if err != nil {
			return
		}
		for _, value := range u.All("Service", "ExecStart") {
			if strings.ContainsAny(value, "\n\r\x00") {
				t.Errorf("a value spans lines: %q", value)
			}
		}
		u.Words("Unit", "After")
		u.Runs("/x")
		if p, err := u.CgroupPath("x.service"); err == nil && strings.Contains(p, "..") && !strings.Contains(string(text), "..") {
			t.Errorf("cgroup %q", p)
		}
	})
}
