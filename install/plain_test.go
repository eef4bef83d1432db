package install_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// webImage is an image that knows nothing of us.
func webImage(s *scene) {
	s.images.images["web"] = fstest.MapFS{
		"bin/web":                 file("elf", 0o755),
		"etc/passwd":              link("../usr/lib/passwd"),
		"usr/lib/passwd":          file("web:x:33:34::/srv:\n", 0o644),
		"etc/group":               file("extra:x:50:web\n", 0o644),
		"data":                    link("/var/data"),
		"var/data/index":          file("hello", 0o644),
		"var/log/web/access.log":  link("/dev/stdout"),
		"usr/share/web/index.txt": file("hello", 0o644),
	}
	s.images.configs["web"] = imgspec.Image{Config: imgspec.ImageConfig{
		Entrypoint:   []string{"/bin/web"},
		Env:          []string{"MODE=image", "KEPT=1"},
		User:         "web",
		Volumes:      map[string]struct{}{"/data": {}, "/data/more": {}, "/elsewhere": {}},
		StopSignal:   "SIGQUIT",
		ExposedPorts: map[string]struct{}{"80/tcp": {}},
	}}
}

func (s *scene) config(name string) specs.Spec {
	s.t.Helper()
	var spec specs.Spec
	if err := json.Unmarshal([]byte(s.read("var/lib/syscontainer/containers/"+name+"/deploy/1/config.json")), &spec); err != nil {
		s.t.Fatal(err)
	}
	return spec
}

func TestPlainImageIsConfiguredFromWhatItSays(t *testing.T) {
	s := newScene(t)
	webImage(s)
	result := s.install(deployment.Request{Image: "web", Values: map[string]string{
		"MODE": "mine", "MORE": "x y",
		"CONTAINER_TMPFS": "/var/spool /srv/tmp",
		"CONTAINER_BINDS": "/srv/www:/usr/share/web:ro",
	}})
	if len(result.Warnings) > 0 {
		t.Errorf("warnings: %q", result.Warnings)
	}
	spec := s.config("web")
	u := spec.Process.User
	if u.UID != 33 || u.GID != 34 || len(u.AdditionalGids) != 1 || u.AdditionalGids[0] != 50 {
		t.Errorf("the user is %+v", u)
	}
	env := strings.Join(spec.Process.Env, "\n")
	for _, want := range []string{"MODE=mine", "KEPT=1", "MORE=x y", "HOME=/srv"} {
		if !strings.Contains("\n"+env+"\n", "\n"+want+"\n") {
			t.Errorf("the environment lacks %q:\n%s", want, env)
		}
	}
	if strings.Contains(env, "CONTAINER_") {
		t.Errorf("the environment has what is not for the program:\n%s", env)
	}
	mounts := map[string]string{}
	for _, m := range spec.Mounts {
		mounts[m.Destination] = m.Type + " " + m.Source
	}
	for destination, want := range map[string]string{
		"/var/data":      "bind /var/lib/web/var/data", // where the image's link leads
		"/elsewhere":     "bind /var/lib/web/elsewhere",
		"/usr/share/web": "bind /srv/www",
		"/var/spool":     "tmpfs tmpfs",
		"/srv/tmp":       "tmpfs tmpfs",
		"/data":          "",
	} {
		if got := mounts[destination]; got != want {
			t.Errorf("%s: got %q, want %q", destination, got, want)
		}
	}
	if spec.Annotations["io.github.syscontainer.output"] != "pipe" {
		t.Errorf("the output is no pipe: %v", spec.Annotations)
	}
}

func TestPlainImageHasAUnitAndItsVolumesAreCopied(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	if got := s.read("etc/systemd/system/web.service"); !strings.Contains(got, "DevicePolicy=closed\n") {
		t.Errorf("the unit is\n%s", got)
	}
	if got := s.read("etc/systemd/system/web.service.d/10-syscontainer.conf"); !strings.Contains(got, "KillSignal=SIGQUIT\n") {
		t.Errorf("the drop-in is\n%s", got)
	}
	const rootfs = "/var/lib/syscontainer/containers/web/deploy/1/rootfs"
	want := "C /var/lib/web/elsewhere - - - - " + rootfs + "/elsewhere\n" +
		"C /var/lib/web/var/data - - - - " + rootfs + "/var/data\n"
	if got := s.read("etc/tmpfiles.d/web.conf"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestPlainImageRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*scene, *imgspec.ImageConfig)
		values map[string]string
		want   string
	}{
		"tmpfs":          {nil, map[string]string{"CONTAINER_TMPFS": "/a/ b"}, `--set CONTAINER_TMPFS: "b" is not an absolute path`},
		"binds":          {nil, map[string]string{"CONTAINER_BINDS": "/a"}, `--set CONTAINER_BINDS: "/a" is not SOURCE:DESTINATION`},
		"output":         {nil, map[string]string{"CONTAINER_OUTPUT": "file"}, `--set CONTAINER_OUTPUT: "file" is neither`},
		"user":           {func(_ *scene, c *imgspec.ImageConfig) { c.User = "nobody" }, nil, `"nobody" is neither a number`},
		"NUL":            {nil, map[string]string{"X": "a\x00b"}, "NUL byte"},
		"volume of root": {func(_ *scene, c *imgspec.ImageConfig) { c.Volumes = map[string]struct{}{"/": {}} }, nil, `"/" cannot be a volume`},
		"link to the root": {func(s *scene, _ *imgspec.ImageConfig) {
			s.images.images["web"]["data"] = link("../../..")
		}, nil, "placing the volume /data: it leads to the image's root"},
		"link in a circle": {func(s *scene, _ *imgspec.ImageConfig) {
			s.images.images["web"]["data"] = link("data")
		}, nil, "placing the volume /data: too many symbolic links"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			webImage(s)
			if config := s.images.configs["web"]; test.change != nil {
				test.change(s, &config.Config)
				s.images.configs["web"] = config
			}
			before := s.tree()
			_, err := s.Install(t.Context(), deployment.Request{Image: "web", Values: test.values})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			if after := s.tree(); after != before {
				t.Errorf("it left\n%s", after)
			}
		})
	}
}

// Neither the record nor config.json can hold such a value: another one would arrive.
func TestPlainImageRefusesWhatIsNotUTF8(t *testing.T) {
	s := newScene(t)
	s.images.images["app"] = fstest.MapFS{"bin/app": file("elf", 0o755)}
	s.images.configs["app"] = imgspec.Image{Config: imgspec.ImageConfig{Entrypoint: []string{"/bin/app"}}}
	req := deployment.Request{Image: "app", Values: map[string]string{"MOTTO": "caf\xe9"}}
	_, installErr := s.Install(t.Context(), req)
	_, runErr := s.Run(t.Context(), req, deployment.Once{}, func(string) {})
	for _, err := range []error{installErr, runErr} {
		if err == nil || !strings.Contains(err.Error(), "the value of $MOTTO is not valid UTF-8") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPlainImageWithoutLogsByName(t *testing.T) {
	s := newScene(t)
	webImage(s)
	delete(s.images.images["web"], "var/log/web/access.log")
	s.install(deployment.Request{Image: "web", Name: "a"})
	s.install(deployment.Request{Image: "web", Name: "b", Values: map[string]string{"CONTAINER_OUTPUT": "pipe"}})
	if a, b := s.config("a").Annotations, s.config("b").Annotations; len(a) != 0 || len(b) != 1 {
		t.Errorf("got %v and %v", a, b)
	}
}

func TestWorkingDirectoryThatIsAFile(t *testing.T) {
	for name, test := range map[string]struct{ dir, want string }{
		"a file":          {"/bin/web", "checking the working directory of web: /bin/web is not a directory"},
		"a link to one":   {"/etc/passwd", "checking the working directory of web: /etc/passwd is not a directory"},
		"a link":          {"/data", ""},
		"nothing":         {"/srv/new", ""},
		"in what is kept": {"/elsewhere/x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			webImage(s)
			image := s.images.configs["web"]
			image.Config.WorkingDir = test.dir
			s.images.configs["web"] = image
			_, err := s.Install(t.Context(), deployment.Request{Image: "web"})
			if err == nil && test.want != "" || err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// What systemd says to a service, an image cannot know.
func TestVariablesOfSystemdAreNotTheImages(t *testing.T) {
	s := newScene(t)
	webImage(s)
	image := s.images.configs["web"]
	image.Config.Env = append(image.Config.Env, "LISTEN_FDS=3", "LISTEN_PID=1", "NOTIFY_SOCKET=/x", "CREDENTIALS_DIRECTORY=/x", "WATCHDOG_USEC=1", "LISTEN=all")
	s.images.configs["web"] = image
	s.install(deployment.Request{Image: "web"})
	env := strings.Join(s.config("web").Process.Env, "\n")
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC"} {
		if strings.Contains(env, name+"=") {
			t.Errorf("%s is handed on:\n%s", name, env)
		}
	}
	if !strings.Contains(env, "LISTEN=all") {
		t.Errorf("the environment is\n%s", env)
	}
}

// A volume is where the image's links lead, ".." of a link's target included.
func TestVolumeBehindLinks(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.images.images["web"] = with(s.images.images["web"], fstest.MapFS{
		"here":          link("deep/in/../../other"),
		"deep":          link("/var/a/b"),
		"var/a/b/in/x":  file("", 0o644),
		"var/a/other/x": file("", 0o644),
		"var/other/x":   file("", 0o644),
	})
	image := s.images.configs["web"]
	image.Config.Volumes = map[string]struct{}{"/here": {}}
	s.images.configs["web"] = image
	s.install(deployment.Request{Image: "web"})
	for _, m := range s.config("web").Mounts {
		if m.Source == "/var/lib/web/var/a/other" && m.Destination == "/var/a/other" {
			return
		}
	}
	t.Errorf("the mounts are %+v", s.config("web").Mounts)
}

func TestPortsOfTheImageAreShown(t *testing.T) {
	s := newScene(t)
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	details, err := s.Show(t.Context(), "web")
	if err != nil || strings.Join(details.Ports, " ") != "80/tcp" {
		t.Errorf("got %+v, %v", details, err)
	}
}
