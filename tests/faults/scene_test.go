package faults_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/badregistry"
	"github.com/syscontainer/syscontainer/tests/inject"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// program is what make build made.
var program = filepath.Join("..", "..", "bin", "syscontainer")

// host is a root directory that nothing runs in, on a file system in memory: hundreds of them cost seconds.
type host struct {
	t    *testing.T
	root string
}

// result is how a run of the program ended.
type result struct {
	code   int // -1 when it was killed
	stdout string
	stderr string
	inject.Report
}

// memory is a directory of a file system in memory.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "syscontainer-faults-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newHost makes a host that trusts the registry and has a runtime.
func newHost(t *testing.T, root, registry string) host {
	t.Helper()
	h := host{t, root}
	h.write("etc/containers/policy.json", `{"default":[{"type":"insecureAcceptAnything"}]}`)
	h.write("etc/containers/registries.conf", fmt.Sprintf("[[registry]]\nprefix = %q\nlocation = %q\ninsecure = true\n", registryName, registry))
	h.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	h.write("etc/group", "root:x:0:\n")
	h.write("usr/bin/runc", "#!/bin/sh\n")
	h.write("usr/libexec/syscontainer-launch", "#!/bin/sh\n")
	for _, dir := range []string{"etc/systemd/system", "etc/tmpfiles.d", "usr/lib/systemd/system", "usr/local/bin", "run"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"app", "beside", "other"} { // which stay when a container goes
		if err := os.MkdirAll(filepath.Join(root, "var/lib", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h host) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

// copyTo makes root, which is removed first, a copy of the host, hard links and all.
func (h host) copyTo(t *testing.T, root string) host {
	t.Helper()
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "--archive", h.root, root).CombinedOutput(); err != nil {
		t.Fatalf("copying: %v\n%s", err, out)
	}
	return host{t, root}
}

// under runs the program under a fault.
func (h host) under(fault inject.Fault, args ...string) result {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), program, append([]string{"--root", h.root}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	report, err := inject.Run(cmd, fault)
	if err != nil {
		h.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), report}
}

// must runs the program undisturbed.
func (h host) must(args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), program, append([]string{"--root", h.root}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Errorf("afterwards, %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (h host) look() state {
	h.t.Helper()
	return look(h.t, h.root)
}

// deploymentPath is a deployment, in a unit.
var deploymentPath = regexp.MustCompile(`/` + stateDir + `/containers/[^/\s]+/deploy/\d+`)

// checkUnits demands that whatever systemd would start is complete: every deployment that a unit names is there, with
// all that is in each deployment.
func (h host) checkUnits(when string) {
	h.t.Helper()
	units, err := filepath.Glob(filepath.Join(h.root, "etc/systemd/system/*.service*"))
	if err != nil {
		h.t.Fatal(err)
	}
	dropIns, err := filepath.Glob(filepath.Join(h.root, "etc/systemd/system/*.service.d/*.conf"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, unit := range append(units, dropIns...) {
		text, err := os.ReadFile(unit)
		if err != nil {
			continue // a directory
		}
		for _, deployment := range deploymentPath.FindAllString(string(text), -1) {
			for _, part := range []string{"record.json", "config.json", "rootfs/bin/app", "rootfs/late"} {
				if _, err := os.Lstat(filepath.Join(h.root, deployment, part)); err != nil {
					h.t.Errorf("%s, %s refers to a deployment that is not complete: %v", when, filepath.Base(unit), err)
				}
			}
		}
	}
}

// checkRepo demands that all objects are what their names say, and that all commits are whole.
func (h host) checkRepo() {
	h.t.Helper()
	repo := filepath.Join(h.root, repoDir)
	if _, err := os.Stat(filepath.Join(repo, "objects")); err != nil {
		return // there is none
	}
	if out, err := exec.CommandContext(h.t.Context(), "ostree", "fsck", "--repo="+repo).CombinedOutput(); err != nil {
		h.t.Errorf("ostree fsck: %v\n%s", err, out)
	}
}

// registryName is how images are called, wherever the registry listens.
const registryName = "registry.test"

// images is a registry that serves one image, which can be replaced.
type images struct {
	*badregistry.Registry
	link string
	dir  string
}

func serveImages(t *testing.T) images {
	t.Helper()
	dir := t.TempDir()
	for version, layers := range map[string][]ociimage.Files{"v1": version1(), "v2": version2()} {
		if err := ociimage.Write(filepath.Join(dir, version), imgspec.ImageConfig{}, layers...); err != nil {
			t.Fatal(err)
		}
	}
	i := images{link: filepath.Join(dir, "served"), dir: dir}
	i.serve(t, "v1")
	i.Registry = badregistry.Serve(i.link)
	t.Cleanup(i.Close)
	return i
}

// serve has the registry serve a version from now on.
func (i images) serve(t *testing.T, version string) {
	t.Helper()
	if err := os.RemoveAll(i.link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(i.dir, version), i.link); err != nil {
		t.Fatal(err)
	}
}

// version1 has something of each kind that an image can bring: units, tmpfiles, rendered files, renamed ones, folders.
func version1() []ociimage.Files {
	return []ociimage.Files{
		{"bin/app": "program 1", "usr/share/app/data": "data", "late": "x"},
		{
			"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"cwd": "/", "args": ["/bin/app"], "env": ["PATH=/bin", "GREETING=$GREETING"]},
				"root": {"path": "rootfs", "readonly": true},
				"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/state", "type": "bind", "source": "/var/lib/$NAME", "options": ["rbind"]}],
				"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
			"exports/service.template":            "[Service]\nExecStart=$EXEC_START\nExecStop=$EXEC_STOP\n[Install]\nWantedBy=multi-user.target\n",
			"exports/tmpfiles.template":           "d /var/lib/$NAME 0700 - - -\n",
			"exports/units/$NAME.socket.template": "[Socket]\nListenStream=/run/$NAME.sock\n[Install]\nWantedBy=sockets.target\n",
			"exports/manifest.json": `{"defaultValues": {"GREETING": "hello"}, "installedFilesTemplate": ["/etc/app/app.conf", "/etc/beside/app.conf", "/etc/other/app.conf"],
				"renameFiles": {"/usr/local/bin/app": "/usr/local/bin/${NAME}ctl", "/etc/app": "/etc/${NAME}"}}`,
			"exports/hostfs/etc/app/app.conf":  "greeting=$GREETING\n",
			"exports/hostfs/etc/app/old.conf":  "only version 1 has it\n",
			"exports/hostfs/usr/local/bin/app": "#!/bin/sh\n",
			"exports/hostfs/etc/app/grows":     "a file, and a directory in version 2\n",
			"exports/hostfs/etc/app/shrinks/x": "in a directory, which is a file in version 2\n",
		},
	}
}

// version2 changes, adds and removes, and has directories where there were files, and the reverse.
func version2() []ociimage.Files {
	layers := version1()
	layers[0]["bin/app"] = "program 2"
	more := layers[1]
	delete(more, "exports/hostfs/etc/app/old.conf")
	delete(more, "exports/hostfs/etc/app/grows")
	delete(more, "exports/hostfs/etc/app/shrinks/x")
	more["exports/hostfs/etc/app/grows/x"] = "in a directory\n"
	more["exports/hostfs/etc/app/shrinks"] = "a file\n"
	more["exports/hostfs/etc/app/new.d/new.conf"] = "only version 2 has it\n"
	more["exports/hostfs/etc/app/app.conf"] = "greeting=$GREETING\nversion=2\n"
	more["exports/service.template"] = strings.Replace(more["exports/service.template"], "[Service]", "[Service]\nRestart=always", 1)
	return layers
}
