package tests_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// vaultImage runs as a user of its own choice and copies its secret to where a test can see it.
func vaultImage() ociimage.Files {
	return ociimage.Files{
		"exports/config.json.template": `{"ociVersion": "1.0.2", "process": {"user": {"uid": $CONTAINER_UID, "gid": $CONTAINER_UID}, "cwd": "/",
			"args": ["/usr/bin/dash", "-c", "cp $$CREDENTIALS_DIRECTORY/* /out && echo done >/out/done && exec sleep infinity"], "env": ["PATH=/usr/bin"]},
			"root": {"path": "rootfs", "readonly": true},
			"mounts": [` + hostMounts + `, {"destination": "/out", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}`,
		"exports/service.template": "[Service]\nExecStart=$EXEC_START\nKillSignal=SIGKILL\n[Install]\nWantedBy=multi-user.target\n",
		"exports/manifest.json": `{"defaultValues": {"CONTAINER_UID": 0}, "values": {
			"PASSWORD": {"secret": true, "required": true, "description": "of the superuser"},
			"KEY": {"secret": true}, "CONTAINER_UID": {"type": "int", "default": 0}}}`,
	}
}

const sentinel = "hunter2-Zm9vYmFy"

// vaultFolder holds the image, and a secret of text and one of bytes.
func vaultFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "vault"), vaultImage())
	share(t, dir, map[string]string{"password": sentinel + "\n", "key": sentinel + "\x00\xff\n", "sentinel": sentinel})
	return dir
}

func vaultMachine(t *testing.T) *hosttest.Machine {
	t.Helper()
	return machineWith(t, map[string]string{shared: vaultFolder(t)})
}

func installVault(m *hosttest.Machine, arguments ...string) string {
	return m.Must(append([]string{
		"syscontainer", "install", "--system", "--json",
		"--set-file=PASSWORD=" + shared + "/password", "--set-file=KEY=" + shared + "/key", "oci:" + shared + "/vault",
	}, arguments...)...)
}

func TestSecretsReachTheContainerAndNobodyElse(t *testing.T) {
	m := vaultMachine(t)
	for _, runtime := range []string{"runc", "crun"} {
		for _, uid := range []string{"0", "1234"} {
			t.Log(runtime, uid)
			output := installVault(m, "--runtime=/usr/bin/"+runtime, "--set=CONTAINER_UID="+uid)
			m.Must("systemctl", "start", "vault")
			checkVault(t, m, uid)
			output += m.Must("syscontainer", "show", "vault") + m.Must("syscontainer", "show", "--json", "vault") + m.Must("systemctl", "show", "vault") +
				m.Must("journalctl", "--output=verbose", "--all")
			if strings.Contains(output, sentinel) {
				t.Errorf("the secret is in\n%s", output)
			}
			m.Must("systemctl", "kill", "--signal=KILL", "vault") // and systemd may have it again
			m.Must("systemctl", "restart", "vault")
			checkVault(t, m, uid)
			m.Must("syscontainer", "uninstall", "vault")
			found := m.Must("sh", "-c", whereIs)
			hosttest.SameText(t, "what has the secret when it is uninstalled", found, "")
		}
	}
}

// whereIs lists the files of the machine that hold the secret, and processes that show it.
const whereIs = `grep --files-with-matches --recursive --devices=skip --fixed-strings --file=` + shared + `/sentinel ` +
	`/etc /opt /root /run /tmp /var/lib /var/log $(ls -d /proc/[0-9]*/cmdline /proc/[0-9]*/environ) 2>/dev/null | grep --invert-match /rootfs/ | sort`

func checkVault(t *testing.T, m *hosttest.Machine, uid string) {
	t.Helper()
	root := "/proc/" + m.Property("vault", "MainPID") + "/root/out/"
	m.Eventually("test", "-s", root+"done")
	hosttest.SameText(t, "PASSWORD", m.Must("cat", root+"PASSWORD"), sentinel)
	hosttest.SameText(t, "KEY", m.Must("sh", "-c", "base64 <"+root+"KEY"), "aHVudGVyMi1abTl2WW1GeQD/Cg==")
	credentials := []string{"/run/credentials/vault.service/"}
	if uid != "0" {
		credentials = append(credentials, "/run/syscontainer/vault/credentials/")
	}
	var want []string
	for _, dir := range append(credentials, "/var/lib/syscontainer/containers/vault/deploy/1/credentials/") {
		want = append(want, dir+"KEY", dir+"PASSWORD")
	}
	hosttest.SameText(t, "what has the secret", m.Must("sh", "-c", whereIs), strings.Join(want, "\n"))
	hosttest.SameText(t, "who may read the file", m.Must("stat", "--format=%a %u", "/var/lib/syscontainer/containers/vault/current/credentials/PASSWORD"), "600 0")
	if uid == "0" {
		return
	}
	hosttest.SameText(t, "who may read the copy", m.Must("stat", "--format=%a %u", "/run/syscontainer/vault/credentials/PASSWORD"), "400 "+uid)
	if m.Try("setpriv", "--reuid=4321", "--clear-groups", "ls", "/run/syscontainer/vault/credentials").Code == 0 {
		t.Error("everybody sees the copies")
	}
}

func TestSecretsAfterBootAndStop(t *testing.T) {
	m := vaultMachine(t)
	installVault(m, "--set=CONTAINER_UID=1234")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosttest.SameText(t, "state after boot", m.Property("vault", "ActiveState"), "active")
	checkVault(t, m, "1234")

	m.Must("sh", "-c", "printf '[Service]\\nLoadCredential=PASSWORD:/etc/machine-id\\n' >/etc/systemd/system/vault.service.d/override.conf")
	m.Must("systemctl", "daemon-reload")
	m.Must("systemctl", "restart", "vault")
	root := "/proc/" + m.Property("vault", "MainPID") + "/root/out/"
	m.Eventually("test", "-s", root+"done")
	hosttest.SameText(t, "what the administrator gave", m.Must("cat", root+"PASSWORD"), m.Must("cat", "/etc/machine-id"))
	m.Must("rm", "/etc/systemd/system/vault.service.d/override.conf")

	m.Must("systemctl", "stop", "vault")
	hosttest.SameText(t, "what is left in /run", m.Must("sh", "-c", "ls -d /run/credentials/vault.service /run/syscontainer/vault 2>/dev/null || true"), "")
}

func TestSecretsInTheWrongPlace(t *testing.T) {
	dir := t.TempDir()
	image := vaultImage()
	image["exports/service.template"] += "Environment=P=$PASSWORD\n"
	writeImage(t, filepath.Join(dir, "leak"), image)
	writeImage(t, filepath.Join(dir, "vault"), vaultImage())
	m := machineWith(t, map[string]string{shared: dir})
	before := m.Disk()
	result := m.Try("syscontainer", "install", "--system", "--set=PASSWORD="+sentinel, "oci:"+shared+"/leak")
	hosttest.Contains(t, "the refusal", result.Stderr, "exports/service.template:6:15: $PASSWORD is a secret", "hint: a container reads a secret from the file")
	missing := m.Try("syscontainer", "install", "--system", "oci:"+shared+"/vault")
	hosttest.Contains(t, "the refusal", missing.Stderr, "no value for $PASSWORD", "PASSWORD: secret, of the superuser", "--set-file")
	hosttest.Same(t, before, m.Disk())

	warned := m.Try("syscontainer", "install", "--system", "--set=PASSWORD="+sentinel, "oci:"+shared+"/vault")
	hosttest.Contains(t, "the warning", warned.Stderr, "warning: PASSWORD is a secret: --set shows it to everybody who lists processes; use --set-file PASSWORD=FILE")
	for _, r := range []string{result.Stderr, missing.Stderr, warned.Stderr + warned.Stdout} {
		if strings.Contains(r, sentinel) {
			t.Errorf("it shows the secret: %s", r)
		}
	}
	hosttest.Contains(t, "show", m.Must("syscontainer", "show", "vault"), "PASSWORD=(secret)  (secret, of the superuser)", "CONTAINER_UID=0  (int)")
	hosttest.Contains(t, "inspect", m.Must("syscontainer", "inspect", "oci:"+shared+"/vault"), "PASSWORD (has to be set, secret, of the superuser)", "KEY (can be set, secret)", "CONTAINER_UID=0 (int)")
}

// A host that does not run gets files, and its systemd the credentials when it boots.
func TestSecretsBelowRoot(t *testing.T) {
	t.Parallel()
	root, err := bed.Lab.Root(bed.Product)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := vaultFolder(t)
	o := bed.Machine()
	o.Mounts = map[string]string{target: root.Dir, shared: dir}
	m := hosttest.Boot(t, bed.Lab, o)
	m.Must("syscontainer", "--root", target, "install", "--system", "--set=CONTAINER_UID=1234",
		"--set-file=PASSWORD="+shared+"/password", "--set-file=KEY="+shared+"/key", "oci:"+shared+"/vault")
	if err := m.Poweroff(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkVault(t, hosttest.Boot(t, bed.Lab, host.Options{Root: root, Mounts: map[string]string{shared: dir}}), "1234")
}
