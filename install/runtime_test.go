package install_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// A runtime is any program of the host, from --runtime, from --set RUNTIME or from the
// settings; what is none is refused before anything is changed.
func TestRuntimesAreRefusedBeforeAnythingIsChanged(t *testing.T) {
	for name, test := range map[string]struct {
		runtime string
		want    string // "" for one that is taken
	}{
		"any program":    {"/opt/bin/youki", ""},
		"missing":        {"/opt/bin/nosuch", "looking for the OCI runtime: /opt/bin/nosuch: file does not exist"},
		"directory":      {"/opt/bin", "looking for the OCI runtime: /opt/bin is not a program"},
		"not executable": {"/opt/bin/readme", "looking for the OCI runtime: /opt/bin/readme is not a program"},
		"relative":       {"youki", `$RUNTIME: "youki" is not an absolute path`},
		"with a space":   {"/opt/bin/my runtime", "which ExecStart= would take for something else"},
	} {
		ways := map[string]func(*scene) deployment.Request{
			"--runtime": func(*scene) deployment.Request { return deployment.Request{Image: "db", Runtime: test.runtime} },
			"--set RUNTIME": func(*scene) deployment.Request {
				return deployment.Request{Image: "db", Values: map[string]string{"RUNTIME": test.runtime}}
			},
			"settings": func(s *scene) deployment.Request {
				s.Runtime = test.runtime
				return deployment.Request{Image: "db"}
			},
		}
		for way, request := range ways {
			t.Run(name+" by "+way, func(t *testing.T) {
				s := newScene(t)
				s.images.images["db"] = dbImage()
				s.write("opt/bin/youki", "#!", 0o755)
				s.write("opt/bin/my runtime", "#!", 0o755)
				s.write("opt/bin/readme", "text", 0o644)
				req := request(s)
				req.Values = withPort(req.Values)
				before := s.tree()
				_, err := s.Install(t.Context(), req)
				if test.want == "" {
					unit := s.read("etc/systemd/system/db.service")
					if err != nil || !strings.Contains(unit, "--runtime="+test.runtime+" ") {
						t.Errorf("got %v and the unit\n%s", err, unit)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if after := s.tree(); after != before {
					t.Errorf("it left\n%s", after)
				}
			})
		}
	}
}

func withPort(values map[string]string) map[string]string {
	if values == nil {
		values = map[string]string{}
	}
	values["PORT"] = "1"
	return values
}
