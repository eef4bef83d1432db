package runcspec_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/runcspec"
	"github.com/syscontainer/syscontainer/tests/golden"
)

func somePlatform() runcspec.Platform {
	return runcspec.Platform{
		Capabilities: strings.Fields("CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_MKNOD CAP_NET_ADMIN" +
			" CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SYS_ADMIN CAP_SYS_MODULE CAP_SYS_PTRACE CAP_SYS_RESOURCE"),
		WithoutSELinux:  true,
		WithoutAppArmor: true,
		MaxFiles:        1 << 20,
	}
}

func someHost() runcspec.Host {
	return runcspec.Host{
		CgroupsPath: "/system.slice/x.service/container",
		Bundle:      "/var/lib/syscontainer/containers/x/deploy/3",
		Notify:      true,
	}
}

// Configurations like those of the images in the world (testdata/world) become those
// in testdata/compiled, and what was changed about them is noted there. The machines of
// tests/ start each of these with every runtime.
func TestCompileGolden(t *testing.T) {
	for _, file := range inputs(t, "world") {
		name := filepath.Base(file)
		spec, notes, err := runcspec.Compile(name, read(t, file), somePlatform(), someHost())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkGolden(t, "compiled/"+name, spec)
		var lines strings.Builder
		for _, note := range notes {
			fmt.Fprintln(&lines, note)
		}
		golden.Check(t, "testdata/compiled/"+strings.TrimSuffix(name, ".json")+".notes", []byte(lines.String()))

		again, _, err := runcspec.Compile(name, []byte(marshal(t, spec)), somePlatform(), someHost())
		if err != nil || string(marshal(t, spec)) != string(marshal(t, again)) {
			t.Errorf("%s: compiling twice is not compiling once: %v", name, err)
		}
	}
}

// Everything that is wrong with the configurations in testdata/refused is found at
// once: it stands in the file beside each.
func TestCompileRefusesGolden(t *testing.T) {
	for _, file := range inputs(t, "refused") {
		name := filepath.Base(file)
		spec, _, err := runcspec.Compile(name, read(t, file), somePlatform(), someHost())
		if err == nil || spec != nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		var lines strings.Builder
		for _, v := range runcspec.Violations(err) {
			fmt.Fprintln(&lines, v)
			if v.Hint != "" {
				fmt.Fprintf(&lines, "    %s\n", v.Hint)
			}
		}
		golden.Check(t, "testdata/refused/"+strings.TrimSuffix(name, ".json")+".errors", []byte(lines.String()))
	}
}

func TestCompileOfWhatIsNoConfiguration(t *testing.T) {
	for _, text := range []string{"", "[]", "{", `"x"`} {
		if spec, _, err := runcspec.Compile("c.json", []byte(text), runcspec.Platform{}, someHost()); spec != nil || err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestLabelsStayWhereTheHostKnowsThem(t *testing.T) {
	text := `{"ociVersion":"1.0.0","process":{"args":["x"],"cwd":"/","selinuxLabel":"a","apparmorProfile":"b",
		"capabilities":["CAP_SOMETHING"]},
		"root":{"path":"rootfs","readonly":true},"linux":{"mountLabel":"c","namespaces":[{"type":"mount"}]}}`
	spec, notes, err := runcspec.Compile("c.json", []byte(text), runcspec.Platform{}, someHost())
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	got := spec.Process.SelinuxLabel + spec.Process.ApparmorProfile + spec.Linux.MountLabel + spec.Process.Capabilities.Bounding[0]
	if got != "abcCAP_SOMETHING" {
		t.Errorf("got %q", got)
	}
}

func TestLimitsThatTheHostCannotGiveAreNoted(t *testing.T) {
	text := []byte(`{"process":{"args":["x"],"cwd":"/","rlimits":[{"type":"RLIMIT_NOFILE","soft":1,"hard":2000},
		{"type":"RLIMIT_CORE","soft":1,"hard":2000}]},
		"root":{"path":"rootfs","readonly":true},"linux":{"namespaces":[{"type":"mount"}]}}`)
	for _, test := range []struct {
		platform runcspec.Platform
		want     string
	}{
		{runcspec.Platform{}, ""},
		{runcspec.Platform{MaxFiles: 2000, Capabilities: []string{"CAP_SYS_RESOURCE"}}, ""},
		{runcspec.Platform{MaxFiles: 1999}, "/process/rlimits/0/hard: 2000 open files are more than"},
		{runcspec.Platform{Capabilities: []string{"CAP_KILL"}}, "RLIMIT_CORE is above that of its unit"},
	} {
		_, notes, err := runcspec.Compile("c.json", text, test.platform, someHost())
		if got := fmt.Sprint(notes); err != nil || !strings.Contains(got, test.want) || test.want == "" && len(notes) > 0 {
			t.Errorf("%+v: got %s, %v", test.platform, got, err)
		}
	}
}

func TestHooks(t *testing.T) {
	text := `{"process":{"cwd":"/"},"root":{"path":"rootfs"},"hooks":{"prestart":[{"path":"/a"}],
		"startContainer":[{"path":"/b"}],"poststop":[{"path":"/c"},{"path":"/d"}]}}`
	spec, err := runcspec.Parse("c.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := "[{/hooks/prestart/0/path /a true} {/hooks/startContainer/0/path /b false} {/hooks/poststop/0/path /c true} {/hooks/poststop/1/path /d true}]"
	if got := fmt.Sprint(runcspec.Hooks(spec)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestViolationsOfOtherErrors(t *testing.T) {
	if got := runcspec.Violations(errors.New("x")); got != nil {
		t.Errorf("got %v", got)
	}
}

func inputs(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/" + dir + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
