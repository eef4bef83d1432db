package tests_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// shared is where a machine sees the folder with a test's images and values.
const shared = "/srv"

// nasty are values that are something else where they are pasted as they are.
var nasty = []string{
	"", "plain", "two words", " blanks around ", "\ttab\t", `"`, `'`, `it's "quoted"`, `\`, `back\slash\`, `\n\x41\\`,
	"new\nline", "EVIL=1\nEVIL=2\n", "x\r\nEVIL=1", "%n 100% %%", "$HOME ${HOME} $$ $(id) `id`", "# no comment", "; none either",
	`x" "EVIL=1`, `x' 'EVIL=1`, `", "EVIL=1`, "x EVIL=1", "x;EVIL=1", "[Install]", "{\"a\": [1]}", "é ü 漢字 \U0001F600 \u2028", "~/x:~root", "\u2000", "\u0085x\u00a0",
	"*?[a]{b,c}!", "<&>|", "\x01\x02\x1b[31m\x7f", "a=b=c", "-e", strings.Repeat("long ", 20000),
}

// more adds values that no one thought of.
func more(t *testing.T, values []string) []string {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"a", " ", "\n", "\r", "\t", `"`, "'", `\`, "$", "%", "=", "#", ";", "`", "EVIL=1", "{", "]", ",", "é", "\x1b", "~", "*"}
	values = slices.Clone(values)
	for range 40 {
		var b strings.Builder
		for range 1 + random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		values = append(values, b.String())
	}
	return values
}

// hostMounts let a container without files of its own run the host's programs.
const hostMounts = `{"destination": "/proc", "type": "proc", "source": "proc"},
	{"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
	{"destination": "/lib", "type": "bind", "source": "/lib", "options": ["rbind", "ro"]},
	{"destination": "/lib64", "type": "bind", "source": "/lib64", "options": ["rbind", "ro"]}`

// envImage has each value where an image could have it: in the container's environment, in that of the unit, and in a
// file that the unit and shells read. A line break needs quotes there.
func envImage(values []string) ociimage.Files {
	var env, unit, file strings.Builder
	for i, value := range values {
		fmt.Fprintf(&env, `, "C%d=$V%d", "W%d=<$V%d>"`, i, i, i, i)
		fmt.Fprintf(&unit, "Environment=U%d=$V%d \"UD%d=<$V%d>\" 'US%d=$V%d'\n", i, i, i, i, i, i)
		fmt.Fprintf(&file, "# $NAME\nFD%d=\"$V%d\"\nFS%d='<$V%d>'\n", i, i, i, i)
		if !strings.ContainsAny(value, "\r\n") {
			fmt.Fprintf(&file, "FU%d=$V%d\n", i, i)
		}
	}
	return ociimage.Files{
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
			"args": ["/usr/bin/sleep", "infinity"], "env": ["PATH=/usr/bin"` + env.String() + `]},
			"root": {"path": "rootfs", "readonly": true}, "mounts": [` + hostMounts + `],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
		"exports/service.template": "[Service]\nExecStart=$EXEC_START\nEnvironmentFile=/etc/$NAME.conf\n" +
			"ExecStartPre=/bin/cp /proc/self/environ /run/$NAME.environ\nKillSignal=SIGKILL\n" + unit.String(),
		"exports/manifest.json":       `{"installedFilesTemplate": ["/etc/${NAME}.conf"], "renameFiles": {"/etc/env.conf": "/etc/${NAME}.conf"}}`,
		"exports/hostfs/etc/env.conf": file.String(),
	}
}

// share writes files into the folder that the machine sees.
func share(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func writeImage(t *testing.T, dir string, files ociimage.Files) {
	t.Helper()
	if err := ociimage.Write(dir, imgspec.ImageConfig{}, files); err != nil {
		t.Fatal(err)
	}
}

// tomlValues is a file for --values.
func tomlValues(values []string) string {
	var b strings.Builder
	for i, value := range values {
		text, _ := json.Marshal(value) // a string of JSON is one of TOML
		text = []byte(strings.ReplaceAll(string(text), "\x7f", `\u007f`))
		fmt.Fprintf(&b, "V%d = %s\n", i, text)
	}
	return b.String()
}

// environment reads NUL-separated variables that a command prints.
func environment(t *testing.T, m *hosttest.Machine, command string) map[string]string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(m.Must("sh", "-c", command+" | base64 --wrap=0"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for variable := range strings.SplitSeq(string(data), "\x00") {
		if name, value, ok := strings.Cut(variable, "="); ok {
			found[name] = value
		}
	}
	return found
}

// checkEnvironment compares the variables of some prefixes; how a value is wrapped there is a format.
func checkEnvironment(t *testing.T, where string, got map[string]string, values []string, wrapped map[string]string) {
	t.Helper()
	for prefix, format := range wrapped {
		for i, value := range values {
			if prefix == "FU" && strings.ContainsAny(value, "\r\n") {
				continue
			}
			name, want := fmt.Sprintf("%s%d", prefix, i), fmt.Sprintf(format, value)
			if is, ok := got[name]; !ok || is != want {
				t.Errorf("%s: %s is %.200q (%v), want %.200q", where, name, is, ok, want)
			}
		}
	}
	for name := range got {
		if strings.Contains(name, "EVIL") {
			t.Errorf("%s: there is a variable %s of %q", where, name, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestValuesArriveByteForByte(t *testing.T) {
	values := more(t, nasty)
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "env"), envImage(values))
	share(t, dir, map[string]string{"values.toml": tomlValues(values)})
	m := machineWith(t, map[string]string{shared: dir})
	for _, runtime := range []string{"runc", "crun"} {
		name := "env-" + runtime
		m.Must("syscontainer", "install", "--system", "--name="+name, "--runtime=/usr/bin/"+runtime, "--values="+shared+"/values.toml", "oci:"+shared+"/env")
		m.Must("systemctl", "start", name)
		checkEnvironment(t, runtime, environment(t, m, "cat /proc/"+m.Property(name, "MainPID")+"/environ"), values, map[string]string{"C": "%s", "W": "<%s>"})
		checkEnvironment(t, "the unit", environment(t, m, "cat /run/"+name+".environ"), values,
			map[string]string{"U": "%s", "UD": "<%s>", "US": "%s", "FU": "%s", "FD": "%s", "FS": "<%s>"})
		for _, shell := range []string{"dash", "bash"} {
			got := environment(t, m, shell+" -c 'set -a; . /etc/"+name+".conf; exec env --null'")
			checkEnvironment(t, shell, got, values, map[string]string{"FU": "%s", "FD": "%s", "FS": "<%s>"})
		}
		m.Must("rm", "/run/"+name+".environ")
	}
}

func TestValuesThatNoEnvironmentCanHold(t *testing.T) {
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "env"), envImage([]string{""}))
	share(t, dir, map[string]string{"nul": "a\x00b", "large": strings.Repeat("x", 1<<20), "latin1": "caf\xe9", "huge": strings.Repeat("x", 1<<20+1)})
	m := machineWith(t, map[string]string{shared: dir})
	for file, says := range map[string]string{
		"nul":    `exports/service.template:\d+:\d+: the value of \$V0 contains a NUL byte`,
		"latin1": `exports/service.template:\d+:\d+: the value of \$V0 is not valid UTF-8`,
		"large":  `the value of \$V0 is longer than a variable of the environment can be`,
		"huge":   `--set-file V0: /srv/huge is larger than 1 MiB`,
	} {
		result := m.Try("syscontainer", "install", "--system", "--set-file=V0="+shared+"/"+file, "oci:"+shared+"/env")
		if result.Code != 1 || !regexp.MustCompile(says).MatchString(result.Stderr) {
			t.Errorf("%s: status %d, %.1000q", file, result.Code, result.Stderr)
		}
	}
}
