package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// fakeSystemctl notes its command line, and whether it could speak for the unit. It fails as
// the file fails says, for the command of that name.
const fakeSystemctl = `#!/bin/sh
echo "$*${NOTIFY_SOCKET:+ as the unit}" >>"${0%/*}/log"
if [ "$1" = "$(cat "${0%/*}/fails")" ]; then
	echo "no $1" >&2
	exit 1
fi
`

func TestBringBack(t *testing.T) {
	const asked, started = "is-enabled --quiet flannel.service\n", "start --no-block flannel.service\n"
	for name, c := range map[string]struct {
		fails, calls, says string
		status             int
	}{
		"enabled":           {"", asked + started, "", exitDone},
		"disabled":          {"is-enabled", asked, "", exitDone},
		"cannot be started": {"start", asked + started, "syscontainer-launch: bringing flannel.service back: systemctl start: exit status 1 (no start)\n", exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "works")
			s.write("bin/systemctl", fakeSystemctl)
			s.write("bin/fails", c.fails)
			if err := os.Chmod(s.dir+"/bin/systemctl", 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", s.dir+"/bin:"+os.Getenv("PATH"))
			s.args = []string{bringBack, "flannel.service"}
			status, says := s.launch(t.Context())
			if calls, err := os.ReadFile(s.dir + "/bin/log"); status != c.status || says != c.says || string(calls) != c.calls || err != nil {
				t.Errorf("status %d, %q; systemctl was called with\n%s%v", status, says, calls, err)
			}
		})
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
