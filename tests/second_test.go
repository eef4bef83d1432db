package tests_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const objects = "find " + repo + "/objects -name '*.file' | sort"

func installSecond(m *hosttest.Machine) {
	m.Must("syscontainer", "install", "--system", "--name", "etcd2",
		"--set", "ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:12379",
		"--set", "ETCD_ADVERTISE_CLIENT_URLS=http://127.0.0.1:12379",
		"--set", "ETCD_LISTEN_PEER_URLS=http://127.0.0.1:12380",
		"--set", "ETCD_INITIAL_ADVERTISE_PEER_URLS=http://127.0.0.1:12380", "etcd")
}

func TestSecondInstallationSharesTheObjects(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	before := m.Must("sh", "-c", objects)
	installSecond(m)
	hosttest.SameText(t, "the content objects", m.Must("sh", "-c", objects), before)

	m.Must("systemctl", "start", "etcd2")
	m.Must("etcdctl", "put", "who", "first")
	m.Must("etcd2ctl", "--endpoints=http://127.0.0.1:12379", "put", "who", "second")
	hosttest.SameText(t, "first", m.Must("etcdctl", "get", "--print-value-only", "who"), "first")
	hosttest.SameText(t, "second", m.Must("sh", "-c", ". /etc/etcd/etcd2ctl.env; etcd2ctl get --print-value-only who"), "second")

	m.Must("syscontainer", "uninstall", "etcd")
	m.Must("systemctl", "restart", "etcd2")
	hosttest.SameText(t, "second", m.Must("sh", "-c", ". /etc/etcd/etcd2ctl.env; etcd2ctl get --print-value-only who"), "second")
}

func TestInstallTwiceChangesNothing(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	pid := m.Property("etcd", "MainPID")
	before := m.Disk("/var/lib/etcd")
	again := m.Must("syscontainer", "install", "--system", "etcd")
	hosttest.Contains(t, "the second install", again, "etcd", "already")
	hosttest.Same(t, before, m.Disk("/var/lib/etcd"))
	hosttest.SameText(t, "the main process", m.Property("etcd", "MainPID"), pid)
}

func TestListAndShow(t *testing.T) {
	m := machine(t)
	hosttest.SameText(t, "list --json of nothing", m.Must("syscontainer", "list", "--json"), "[]")
	installEtcd(m)
	hosttest.Contains(t, "list", m.Must("syscontainer", "list"), "etcd", "localhost:5000/etcd", "inactive")
	m.Must("systemctl", "start", "etcd")
	hosttest.Contains(t, "list", m.Must("syscontainer", "list"), "etcd", "localhost:5000/etcd", "active")

	all := list(t, m)
	if len(all) != 1 || all[0].Name != "etcd" || all[0].State != "active" || all[0].Enabled != "enabled" {
		t.Errorf("list --json says %+v", all)
	}
	shown := m.Must("syscontainer", "show", "etcd")
	hosttest.Contains(t, "show", shown, "localhost:5000/etcd", all[0].Digest, "active", "/etc/etcd/etcd.conf")
	var details struct {
		Name  string `json:"name"`
		State string `json:"state"`
		Files []struct {
			Path string `json:"path"`
		} `json:"files"`
	}
	hosttest.Parse(t, m.Must("syscontainer", "show", "--json", "etcd"), &details)
	if details.Name != "etcd" || details.State != "active" || len(details.Files) == 0 {
		t.Errorf("show --json says %+v", details)
	}
}

func TestListSaysWhatSystemdSays(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	for _, c := range []struct{ change, want string }{
		{"true", "enabled"},
		{"systemctl disable etcd", "disabled"},
		{"systemctl enable --runtime etcd", "enabled-runtime"},
		{"systemctl disable --runtime etcd", "disabled"},
		{"systemctl add-requires basic.target etcd", "enabled"},
		{"mv /etc/systemd/system/etcd.service /root; systemctl mask etcd", "masked"},
		{"systemctl unmask etcd; mv /root/etcd.service /etc/systemd/system; systemctl enable etcd", "enabled"},
	} {
		m.Must("sh", "-c", c.change)
		hosttest.SameText(t, "systemd, after "+c.change, strings.TrimSpace(m.Try("systemctl", "is-enabled", "etcd").Stdout), c.want)
		hosttest.SameText(t, "list, after "+c.change, list(t, m)[0].Enabled, c.want)
	}
}

func TestUninstallKeepsTheData(t *testing.T) {
	m := machine(t)
	clean := m.Disk(stays...)
	startEtcd(m)
	m.Must("etcdctl", "put", "greeting", "hello")
	m.Must("syscontainer", "uninstall", "etcd")
	hosttest.Same(t, clean, m.Disk(stays...))
	m.Must("test", "-d", "/var/lib/etcd/member")
	if found := m.Try("pgrep", "etcd"); found.Code == 0 {
		t.Error("etcd still runs")
	}
	hosttest.SameText(t, "what systemd knows", m.Property("etcd", "LoadState"), "not-found")

	startEtcd(m)
	hosttest.SameText(t, "installed again", m.Must("etcdctl", "get", "--print-value-only", "greeting"), "hello")
}

func TestUninstallKeepsWhatTheAdministratorChanged(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	m.Must("sh", "-c", "echo '# mine' >>/etc/etcd/etcd.conf")
	m.Must("syscontainer", "uninstall", "etcd")
	hosttest.Contains(t, "the changed file", m.Must("cat", "/etc/etcd/etcd.conf"), "# mine")
	m.Must("rm", "-r", "/etc/etcd")
}

func TestEditedConfigurationIsRead(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	m.Must("sed", "-i", "s/127.0.0.1:2379/127.0.0.1:22379/", "/etc/etcd/etcd.conf")
	m.Must("systemctl", "start", "etcd")
	m.Must("etcdctl", "--endpoints=http://127.0.0.1:22379", "endpoint", "health")
	m.Must("syscontainer", "uninstall", "etcd")
	m.Must("rm", "-r", "/etc/etcd")
}
