package tests_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// refusal is a command that must end with one line that says what and why, and leave nothing behind.
type refusal struct {
	name  string
	setup string // shell, before the disk is recorded
	argv  string // shell
	code  int
	says  string // regular expression for the line on stderr, after "syscontainer: "
}

const install = "syscontainer install --system"

// checkRefusal runs one and sets the machine back to rights.
func checkRefusal(t *testing.T, m *hosttest.Machine, r refusal) {
	t.Helper()
	if r.setup != "" {
		m.Must("sh", "-c", r.setup)
	}
	before := m.Disk()
	result := m.Try("sh", "-c", r.argv)
	if result.Code != r.code {
		t.Errorf("the exit status is %d, not %d", result.Code, r.code)
	}
	what, hint, _ := strings.Cut(strings.TrimSuffix(result.Stderr, "\n"), "\n")
	if !regexp.MustCompile(`^syscontainer: ` + r.says).MatchString(what) {
		t.Errorf("it says\n%s\nwhich does not match %q", result.Stderr, r.says)
	}
	for line := range strings.Lines(hint) {
		if !strings.HasPrefix(line, "hint: ") && !strings.HasPrefix(line, "  ") {
			t.Errorf("this is neither the error nor a hint: %q", line)
		}
	}
	if result.Stdout != "" {
		t.Errorf("this is no result: %q", result.Stdout)
	}
	hosttest.Same(t, before, m.Disk())
}

func TestBadRequestsAreRefused(t *testing.T) {
	m := machine(t)
	for _, r := range []refusal{
		{name: "unknown image", argv: install + " localhost:5000/nosuch", code: 1, says: `.*localhost:5000/nosuch.*(unknown|not found)`},
		{name: "unknown tag", argv: install + " localhost:5000/etcd:nosuch", code: 1, says: `.*nosuch.*unknown`},
		{name: "unknown short name", argv: install + " nosuch", code: 1, says: `.*nosuch`},
		{name: "unreachable registry", argv: install + " localhost:1/etcd", code: 1, says: `.*localhost:1/etcd.*connection refused`},
		{name: "name with a slash", argv: install + " --name a/b etcd", code: 2, says: `.*a/b`},
		{name: "name that climbs", argv: install + " --name .. etcd", code: 2, says: `.*"\.\."`},
		{name: "name of another unit type", argv: install + " --name x.socket etcd", code: 2, says: `.*x\.socket`},
		{name: "value without equals", argv: install + " --set NOEQUALS etcd", code: 2, says: `.*number 1 is not .* NAME=value`},
		{name: "forced variable", argv: install + " --set NAME=x etcd", code: 2, says: `.*NAME`},
		{name: "no image", argv: install, code: 2, says: `.*(image|IMAGE)`},
		{name: "two images", argv: install + " etcd etcd", code: 2, says: `.*`},
		{name: "unknown flag", argv: install + " --nosuch etcd", code: 2, says: `.*nosuch`},
		{name: "unknown command", argv: "syscontainer nosuch", code: 2, says: `.*nosuch`},
		{name: "unknown container", argv: "syscontainer uninstall nosuch", code: 1, says: `.*nosuch.*not installed`},
		{name: "unknown container to show", argv: "syscontainer show nosuch", code: 1, says: `.*nosuch.*not installed`},
		{name: "no such root", argv: "syscontainer --root /nosuch install --system etcd", code: 1, says: `.*/nosuch`},
		{name: "no such runtime", argv: install + " --runtime /nosuch etcd", code: 1, says: `.*/nosuch`},
		{
			name: "not root",
			argv: "setpriv --reuid=1000 --regid=1000 --clear-groups syscontainer install --system etcd",
			code: 1, says: `.*root`,
		},
		{
			name: "cgroup v1",
			argv: "unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup; syscontainer install --system etcd'",
			code: 1, says: `.*cgroup`,
		},
	} {
		t.Run(r.name, func(t *testing.T) { checkRefusal(t, m, r) })
	}
}

func TestHostsThatCannotWorkAreRefused(t *testing.T) {
	for _, r := range []refusal{
		{name: "no runtime", setup: "rm $(command -v runc) $(command -v crun)", code: 1, says: `.*(runc|runtime)`},
		{name: "registry is down", setup: "systemctl stop docker-registry", code: 1, says: `.*localhost:5000.*connection refused`},
		{
			name:  "image policy rejects",
			setup: `echo '{"default":[{"type":"reject"}]}' >/etc/containers/policy.json`,
			code:  1, says: `.*(reject|policy)`,
		},
		{
			name:  "a host file of nobody's",
			setup: "mkdir /etc/etcd; echo mine >/etc/etcd/etcd.conf",
			code:  1, says: `.*/etc/etcd/etcd\.conf`,
		},
		{
			name:  "a unit of nobody's",
			setup: "printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/etcd.service; systemctl daemon-reload",
			code:  1, says: `.*etcd\.service`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.argv = install + " etcd"
			checkRefusal(t, hosttest.Boot(t, bed.Lab, bed.Machine()), r)
		})
	}
}

const plainConfig = `{"ociVersion":"1.0.0","process":{"cwd":"/","args":["/bin/x"],"user":{"uid":0,"gid":0}},` +
	`"root":{"path":"rootfs","readonly":true},"linux":{"namespaces":[{"type":"mount"}]}}`

func TestBadImagesAreRefused(t *testing.T) {
	m := machine(t)
	for i, c := range []struct {
		name  string
		files ociimage.Files
		says  string
	}{
		{"a variable without a value", ociimage.Files{
			"exports/config.json.template": plainConfig,
			"exports/service.template":     "[Service]\nExecStart=$EXEC_START $NO_VALUE ${NOR_THIS}\n",
		}, `.*service\.template:2:23: no value for \$NO_VALUE`},
		{"a broken manifest.json", ociimage.Files{
			"exports/manifest.json": `{"version": "1.0",`,
		}, `.*manifest\.json`},
		{"a broken config.json", ociimage.Files{
			"exports/config.json.template": `{"ociVersion": }`,
		}, `.*config\.json`},
		{"a writable root", ociimage.Files{
			"exports/config.json": strings.Replace(plainConfig, `"readonly":true`, `"readonly":false`, 1),
		}, `.*readonly`},
		{"a stray dollar", ociimage.Files{
			"exports/config.json.template": plainConfig,
			"exports/service.template":     "[Service]\nExecStart=$EXEC_START\nExecReload=/bin/kill $1\n",
		}, `.*service\.template.*3`},
		{"a value that leaves its line", ociimage.Files{
			"exports/config.json.template": plainConfig,
			"exports/manifest.json":        `{"defaultValues": {"WHO": "x\nExecStartPre=/bin/evil"}}`,
			"exports/service.template":     "[Unit]\nDescription=$WHO\n[Service]\nExecStart=$EXEC_START\n",
		}, `.*WHO`},
	} {
		t.Run(c.name, func(t *testing.T) {
			reference := fmt.Sprintf("bad%d", i)
			push(t, m, reference, imgspec.ImageConfig{}, c.files)
			checkRefusal(t, m, refusal{argv: install + " localhost:5000/" + reference, code: 1, says: c.says})
		})
	}
}

// push makes an image of files and puts it into the machine's registry.
func push(t *testing.T, m *hosttest.Machine, name string, config imgspec.ImageConfig, files ociimage.Files) {
	t.Helper()
	layout := filepath.Join(t.TempDir(), "image")
	if err := ociimage.Write(layout, config, ociimage.Files{"bin/x": "#!/bin/x\n"}, files); err != nil {
		t.Fatal(err)
	}
	if err := m.Push(t.Context(), host.Image{Layout: layout, Tag: "latest"}, name+":latest"); err != nil {
		t.Fatal(err)
	}
}
