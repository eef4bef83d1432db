package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

// certificates is the page with the commands that TestCertificates runs.
const certificates = "certificates.md"

// TestCertificates is the page of that name on two nodes: etcd's members, flannel and etcdctl show each other certificates.
func TestCertificates(t *testing.T) {
	t.Parallel()
	n := hosttest.NewNetwork(t)
	a, b := machine(t, n, "node1", "10.0.0.2"), machine(t, n, "node2", "10.0.0.3")
	asNode2 := strings.NewReplacer("node1", "node2", "10.0.0.2", "10.0.0.3")
	makeKeys(t, a, b, asNode2)

	commands := commandsOf(t, certificates, "On each node", "node1")
	const installed = 4 // after so many
	settings := map[string]string{"/etc/node.toml": settingsOf(t, certificates, 0), "/etc/flannel.toml": settingsOf(t, certificates, 1)}
	for name, lists := range map[string]string{"/etc/node.toml": "ETCD_INITIAL_CLUSTER ", "/etc/flannel.toml": "FLANNELD_ETCD_ENDPOINTS "} {
		var own []string
		text := strings.NewReplacer(",node3=https://10.0.0.4:2380", "", ",https://10.0.0.4:2379", "").Replace(settings[name])
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, lists) { // what is the node's own
				line = asNode2.Replace(line)
			}
			own = append(own, line)
		}
		write(t, a, name, text)
		write(t, b, name, strings.Join(own, ""))
	}
	for _, command := range commands[:installed] {
		a.Must("sh", "-c", inRoot+command)
		b.Must("sh", "-c", inRoot+asNode2.Replace(command))
	}
	b.Must("systemctl", "start", "--no-block", "flannel", "etcd")
	a.Must("systemctl", "start", "--no-block", "etcd")
	for _, command := range commands[installed:] {
		members := a.Must("sh", "-c", inRoot+command)
		if strings.Contains(command, "member list") {
			hosttest.Contains(t, "the cluster", members, "https://10.0.0.2:2380", "https://10.0.0.3:2380")
		}
	}
	b.Must("systemctl", "start", "flannel")
	hosttest.Contains(t, "the subnets", a.Must("ip", "route", "show", "dev", "flannel.1"), networkOf(b))

	nobodyElseIsLetIn(t, a)
	othersAreNotBelieved(t, b)
	keysAreChanged(t, a)
}

const inRoot = "cd /root && "

// makeKeys makes the files of both nodes on one, and brings those of the other there.
func makeKeys(t *testing.T, a, b *hosttest.Machine, asNode2 *strings.Replacer) {
	t.Helper()
	commands := commandsOf(t, certificates, "The certificates", "ca")
	for _, command := range append(commands, asNode2.Replace(commands[1])) {
		a.Must("sh", "-c", inRoot+command)
	}
	for _, file := range []string{"ca.crt", "node2.crt", "node2.key"} {
		data, err := os.ReadFile(filepath.Join(a.Dir, "root", file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, b, "/root/"+file, string(data))
	}
}

func write(t *testing.T, m *hosttest.Machine, name, text string) {
	t.Helper()
	m.Must("sh", "-c", "cat >"+name+" <<'END'\n"+text+"END")
}

// nobodyElseIsLetIn asks etcd without a certificate, and with one of another authority.
func nobodyElseIsLetIn(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	m.Must("sh", "-c", inRoot+"mkdir other && cd other && "+strings.Join(commandsOf(t, certificates, "The certificates", "ca"), " && "))
	for who, options := range map[string]string{"without a certificate": "", "of another authority": "--cert=other/node1.crt --key=other/node1.key"} {
		asked := m.Try("sh", "-c", inRoot+"etcdctl --endpoints=https://127.0.0.1:2379 --command-timeout=1s --cacert=ca.crt get x "+options)
		if asked.Code == 0 {
			t.Errorf("etcd answers somebody %s", who)
		}
	}
}

// othersAreNotBelieved gives flannel another authority, which did not sign what etcd shows.
func othersAreNotBelieved(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	m.Must("cp", "/etc/flannel/ca.crt", "/root/right.crt")
	m.Must("sh", "-c", "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -keyout /dev/null -out /etc/flannel/ca.crt")
	m.Must("systemctl", "restart", "--no-block", "flannel")
	m.Eventually("sh", "-c", "systemctl show --property=StatusText flannel | grep 'waiting for etcd: .*certificate signed by unknown authority'")
	m.Must("cp", "/root/right.crt", "/etc/flannel/ca.crt")
	m.Must("systemctl", "restart", "flannel")
}

// keysAreChanged gives the node another key and certificate of the same authority.
func keysAreChanged(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	m.Must("sh", "-c", inRoot+commandsOf(t, certificates, "The certificates", "ca")[1])
	for _, command := range commandsOf(t, certificates, "A new certificate", "node1") {
		m.Must("sh", "-c", inRoot+strings.Replace(command, " update ", " update --wait=1s ", 1))
	}
	commands := commandsOf(t, certificates, "On each node", "node1")
	m.Must("sh", "-c", inRoot+commands[len(commands)-1])
	hosttest.SameText(t, "flannel", m.Property("flannel", "ActiveState"), "active")
	if left := m.Try("grep", "--recursive", "--files-with-matches", "PRIVATE KEY", "/etc", "/run/flannel", "/run/etcd").Stdout; left != "" {
		t.Errorf("there is a key in %s", left)
	}
}
