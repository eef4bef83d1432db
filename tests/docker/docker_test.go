// Package docker_test is the proof that images come from a Docker, and that flannel comes before it: Debian's, which
// runs as Debian's service on a machine of its own. The machines of the other tests have none, which keeps them small.
package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/testbed"
)

// packages are Debian's Docker, and its command where that is a package of its own.
var packages = map[host.Suite][]string{
	host.Bookworm: {"docker.io"},
	host.Trixie:   {"docker.io", "docker-cli"},
}

// settings let Docker run where neither its network nor its file systems can be.
const settings = `{"storage-driver": "vfs", "bridge": "none", "iptables": false, "ip6tables": false}`

var bed *testbed.Bed

func TestMain(m *testing.M) { hosttest.Main(m, &bed, packages[hosttest.Suite()]...) }

func TestDockerDaemon(t *testing.T) {
	m := machine(t, host.Options{})
	m.Must("docker", "load", "--input", "/images/etcd.tar")
	const image = "docker-daemon:etcd:one"
	hosttest.Contains(t, "pull", m.Must("syscontainer", "pull", image), "pulled "+image)
	hosttest.Contains(t, "pull again", m.Must("syscontainer", "pull", image), "is here already")

	var found struct{ ID string }
	hosttest.Parse(t, m.Must("syscontainer", "inspect", "--remote", "--json", image), &found)
	hosttest.Contains(t, "the ID", m.Must("docker", "image", "inspect", "--format={{.Id}}", "etcd:one"), found.ID)
	hosttest.Contains(t, "by its ID", m.Must("syscontainer", "pull", "docker-daemon:"+found.ID), found.ID)
	hosttest.Contains(t, "verify", m.Must("syscontainer", "images", "verify"), image+": ok")

	unknown := m.Try("syscontainer", "pull", "docker-daemon:etcd:none")
	hosttest.Contains(t, "an image that is not there", unknown.Stderr, `pulling "docker-daemon:etcd:none": image not known: `)

	m.Must("systemctl", "stop", "docker.socket", "docker.service")
	down := m.Try("syscontainer", "pull", "docker-daemon:etcd:two")
	hosttest.Contains(t, "Docker does not run", down.Stderr, `pulling "docker-daemon:etcd:two": no connection to Docker: `,
		"hint: see whether it runs, with: systemctl status docker")
	if unknown.Code != 1 || down.Code != 1 {
		t.Errorf("exit status %d for an image that is not there, %d without Docker", unknown.Code, down.Code)
	}

	// What was pulled needs Docker no more.
	m.Must("syscontainer", "install", "--system", "--name", "etcd", found.ID)
	m.Must("systemctl", "start", "etcd")
	hosttest.Contains(t, "the service", m.Must("systemctl", "is-active", "etcd"), "active")
	m.Must("syscontainer", "uninstall", "etcd")
	m.Must("syscontainer", "images", "prune", "--all")
}

// machine boots a host with Docker, and with the image etcd:one as an archive in /images.
func machine(t *testing.T, o host.Options) *hosttest.Machine {
	t.Helper()
	layer, images := t.TempDir(), t.TempDir()
	if err := os.Chmod(layer, 0o755); err != nil { // it is the machine's /
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(layer, "etc/docker"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layer, "etc/docker/daemon.json"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	etcd := bed.Image("etcd")
	out, err := exec.CommandContext(t.Context(), "skopeo", "--insecure-policy", "copy", "--quiet",
		"oci:"+etcd.Layout+":"+etcd.Tag, "docker-archive:"+filepath.Join(images, "etcd.tar")+":etcd:one").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o.Layers = append(bed.Machine().Layers, layer)
	o.Mounts = map[string]string{"/images": images}
	return hosttest.Boot(t, bed.Lab, o)
}
