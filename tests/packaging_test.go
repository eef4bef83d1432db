package tests_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

func TestMakeInstallGivesAHostWhatItNeeds(t *testing.T) {
	m := machine(t)
	hosttest.Contains(t, "--version", m.Must("syscontainer", "--version"), "syscontainer")
	m.Must("test", "-x", "/usr/libexec/syscontainer-launch")
	m.Must("test", "-f", "/etc/syscontainer/config.toml")
	m.Must("test", "-f", "/etc/containers/policy.json")
	m.Must("test", "-f", "/usr/share/bash-completion/completions/syscontainer")
	hosttest.SameText(t, "who wants the recovery", m.Property("syscontainer-recover", "WantedBy"), "multi-user.target")
	m.Must("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", "syscontainer-recover.service")
	m.Must("syscontainer", "recover")
}

func TestDebianAloneIsNotEnough(t *testing.T) {
	// What the other tests find on a machine must come from make install, not from Debian.
	m := hosttest.Boot(t, bed.Lab, host.Options{})
	for _, path := range []string{"/usr/bin/syscontainer", "/etc/containers/policy.json"} {
		if m.Try("test", "-e", path).Code == 0 {
			t.Errorf("%s is there without us", path)
		}
	}
}
