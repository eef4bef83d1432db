package runcspec_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

// FuzzFromImage shows that no configuration of an image makes a spec that is less closed
// than others, and that a spec which is made is one.
func FuzzFromImage(f *testing.F) {
	f.Add("redis", "redis:x:999:1000::/home/redis:/bin/sh\n", "ssl:x:101:redis,x\n", "/data/", "A=b", "/data", "80/tcp")
	f.Add("", "root:x:0:0:::", "", "", "", "/a/../b", "")
	f.Add("0:4294967295", ":::::::\nx:x:-1:5::", "x:x:-1", "relative", "NOTIFY_SOCKET=/x", "/proc/x", "-1/udp")
	f.Add("1:wheel", "a:b", "wheel:x:10", "/x\x00", "=", "/", "99999999999999999999")
	f.Fuzz(func(t *testing.T, user, passwd, group, dir, setting, volume, port string) {
		config := imgspec.Image{Config: imgspec.ImageConfig{
			Cmd: []string{"/bin/x"}, User: user, WorkingDir: dir, Env: []string{setting},
			Volumes: map[string]struct{}{volume: {}, "/var/lib/x": {}}, ExposedPorts: map[string]struct{}{port: {}},
		}}
		options := runcspec.ImageOptions{Passwd: []byte(passwd), Group: []byte(group)}
		volumes, err := runcspec.Volumes(config)
		for i, p := range volumes {
			if !path.IsAbs(p) || path.Clean(p) != p || p == "/" || i > 0 && strings.HasPrefix(p, volumes[i-1]+"/") {
				t.Errorf("the volumes are %q", volumes)
			}
			options.Volumes = append(options.Volumes, runcspec.Volume{Destination: p, Source: "/srv" + p})
		}
		if err != nil && volumes != nil {
			t.Errorf("volumes %q in spite of %v", volumes, err)
		}
		spec, err := runcspec.FromImage(config, options)
		if err != nil {
			return
		}
		checkClosed(t, spec)
		host := runcspec.Host{CgroupsPath: "/x/y", Notify: true}
		if err := runcspec.Adapt(spec, host); err != nil {
			t.Fatal(err)
		}
		if err := runcspec.Check(spec); err != nil {
			t.Errorf("what is made of an image does not pass: %v", err)
		}
	})
}

// checkClosed tests what holds of every spec that is made of what an image says.
func checkClosed(t *testing.T, spec *specs.Spec) {
	t.Helper()
	p := spec.Process
	if err := runcspec.Check(spec); err != nil {
		t.Errorf("it does not pass: %v", err)
	}
	if !spec.Root.Readonly || !p.NoNewPrivileges || spec.Linux.Seccomp == nil || len(spec.Linux.MaskedPaths) == 0 {
		t.Error("it is not closed")
	}
	if p.User.UID != 0 && len(slices.DeleteFunc(slices.Clone(p.Capabilities.Bounding), func(c string) bool { return c == "CAP_NET_BIND_SERVICE" })) > 0 {
		t.Errorf("the user %d has %v", p.User.UID, p.Capabilities.Bounding)
	}
	for _, setting := range p.Env {
		name, _, _ := strings.Cut(setting, "=")
		if slices.Contains([]string{"NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "LISTEN_FDS", "LISTEN_PID"}, name) {
			t.Errorf("the image sets %s", setting)
		}
	}
}

// FuzzParseBind shows that what a user binds is a mount that runtimes take, or refused.
func FuzzParseBind(f *testing.F) {
	for _, seed := range []string{"/a:/b", "/a:/b:ro,rslave", "/a:b", "/a:/b:mode=1", "/a:/b:", "/:/x", "/a:/", "/a/../b:/c", "/a:/b:ro:x", "/a:/\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := runcspec.ParseBind(text)
		if err != nil {
			return
		}
		if want := strings.SplitN(text, ":", 3); m.Source != want[0] || m.Destination != want[1] || m.Type != "bind" {
			t.Errorf("got %+v", m)
		}
		for _, option := range m.Options {
			if strings.ContainsAny(option, "=, \x00") {
				t.Errorf("the option %q", option)
			}
		}
		spec, err := runcspec.FromImage(imgspec.Image{Config: imgspec.ImageConfig{Cmd: []string{"/x"}}}, runcspec.ImageOptions{Binds: []specs.Mount{m}})
		if err == nil {
			checkClosed(t, spec)
		}
	})
}
