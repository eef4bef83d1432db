package config_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/config"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       config.Config
		err        string
	}{
		{name: "empty is the default", want: config.Default()},
		{
			name: "the repo follows the state directory",
			text: `state_dir = "/srv/sc/"`,
			want: config.Config{StateDir: "/srv/sc", Repo: "/srv/sc/repo", Deployments: 2, StallTimeout: 60},
		},
		{
			name: "all set",
			text: "state_dir = '/a'\nrepo = '/b'\nruntime = '/usr/bin/crun'\ndeployments = 4\nstall_timeout = 5\nkeep_blobs = true",
			want: config.Config{StateDir: "/a", Repo: "/b", Runtime: "/usr/bin/crun", Deployments: 4, StallTimeout: 5, KeepBlobs: true},
		},
		{name: "relative path", text: `runtime = "crun"`, err: `runtime: "crun" is not an absolute path`},
		{name: "the root itself", text: `state_dir = "/.."`, err: "state_dir:"},
		{name: "unknown key", text: `runtme = "/x"`, err: `unknown key "runtme"`},
		{name: "not TOML", text: "\nrepo = ", err: "line 2:"},
		{name: "a time that never ends", text: `stall_timeout = -1`, err: "stall_timeout: -1"},
		{name: "a time that no clock can tell", text: `stall_timeout = 9223372036854775807`, err: "stall_timeout: 9223372036854775807"},
		{name: "no way back", text: "deployments = 1", err: "deployments: 1 is less than 2"},
		{name: "wrong type", text: "repo = 3", err: "repo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := config.Parse([]byte(tc.text))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("state_dir = '/a'")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse([]byte(text))
		if err == nil && (!strings.HasPrefix(c.StateDir, "/") || !strings.HasPrefix(c.Repo, "/")) {
			t.Errorf("accepted %q as %+v", text, c)
		}
	})
}
