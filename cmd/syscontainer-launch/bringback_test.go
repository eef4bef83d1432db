package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// fakeSystemctl notes its command line, and whether it could speak for the unit. What it says and
// how it ends is in files that are called as the command is; the one for a start is used once.
const fakeSystemctl = `#!/bin/sh
dir=${0%/*}
echo "$*${NOTIFY_SOCKET:+ as the unit}" >>"$dir/log"
case $1 in
	start) test -e "$dir/start" || exit 0; mv "$dir/start" "$dir/started"; . "$dir/started";;
	--root=/) . "$dir/$2";;
esac
`

func TestBringBack(t *testing.T) {
	const (
		asked   = "--root=/ is-enabled flannel.service\n"
		started = "start --no-block flannel.service\n"
		enabled = "echo enabled"
		away    = "echo no bus >&2; exit 1"
	)
	for name, c := range map[string]struct {
		question, start, calls, says string
		status                       int
	}{
		"enabled":                     {enabled, "", asked + started, "", exitDone},
		"disabled":                    {"echo disabled; exit 1", "", asked, "", exitDone},
		"not there":                   {"echo not-found; exit 4", "", asked, "", exitDone},
		"not there, without a word":   {"echo no file >&2; exit 1", "exit 5", asked + started, "", exitDone},
		"systemd is away for a while": {enabled, away, asked + started + started, "", exitDone},
		"nobody knows": {away, "", asked + started, "syscontainer-launch: flannel.service was brought back " +
			"without knowing whether it is enabled: systemctl is-enabled: exit status 1 (no bus)\n", exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := bringsBack(t, c.question, c.start)
			status, says := s.launch(t.Context())
			if calls, err := os.ReadFile(s.dir + "/bin/log"); status != c.status || says != c.says || string(calls) != c.calls || err != nil {
				t.Errorf("status %d, %q; systemctl was called with\n%s%v", status, says, calls, err)
			}
		})
	}
}

// bringsBack is a scene in which flannel is to be brought back, and systemctl answers with these scripts.
func bringsBack(t *testing.T, question, start string) *scene {
	t.Helper()
	s := newScene(t, "works")
	s.write("bin/systemctl", fakeSystemctl)
	s.write("bin/is-enabled", question)
	if start != "" {
		s.write("bin/start", start)
	}
	if err := os.Chmod(s.dir+"/bin/systemctl", 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", s.dir+"/bin:"+os.Getenv("PATH"))
	s.args = []string{bringBack, "flannel.service"}
	return s
}

func TestBringBackGivesUp(t *testing.T) {
	s := bringsBack(t, "echo enabled", "echo no start >&2; exit 1")
	s.host.patience = 0
	status, says := s.launch(t.Context())
	if want := "syscontainer-launch: bringing flannel.service back: systemctl start: exit status 1 (no start)\n"; status != exitFailed || says != want {
		t.Errorf("status %d, %q", status, says)
	}
}

func TestBringBackUsage(t *testing.T) {
	var stderr bytes.Buffer
	status := command(t.Context(), []string{bringBack}, host{}, &stderr)
	if want := "--bring-back needs a service"; status != exitFailed || !strings.Contains(stderr.String(), want) {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}

func TestBringBackWithoutSystemctl(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var stderr bytes.Buffer
	status := command(t.Context(), []string{bringBack, "flannel.service"}, host{}, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "not found") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}
