package runcspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/syscontainer/syscontainer/runcspec"
)

func image(config imgspec.ImageConfig) imgspec.Image {
	return imgspec.Image{Config: config}
}

func TestFromImageGolden(t *testing.T) {
	none := struct{}{}
	tests := map[string]struct {
		config  imgspec.ImageConfig
		options runcspec.ImageOptions
	}{
		"minimal.json": {config: imgspec.ImageConfig{Cmd: []string{"/bin/server"}}},
		"redis.json": {
			imgspec.ImageConfig{
				Entrypoint: []string{"docker-entrypoint.sh"},
				Cmd:        []string{"redis-server", "--port", "6379"},
				Env:        []string{"REDIS_VERSION=7.2", "PATH=/opt/bin:/usr/bin"},
				User:       "redis",
				WorkingDir: "/data/",
				StopSignal: "SIGINT",
			},
			runcspec.ImageOptions{
				Passwd:  []byte("root:x:0:0:root:/root:/bin/bash\nredis:x:999:1000::/home/redis:/bin/sh\n"),
				Group:   []byte("root:x:0:\nssl:x:101:redis,x\nredis:x:1000:redis\n"),
				Volumes: []runcspec.Volume{{Destination: "/data", Source: "/var/lib/redis/data"}},
				Env:     map[string]string{"REDIS_VERSION": "mine", "A": "b=c"},
			},
		},
		"nginx.json": {
			imgspec.ImageConfig{
				Cmd: []string{"nginx"}, User: "101:101", ExposedPorts: map[string]struct{}{"80/tcp": none, "8080": none},
			},
			runcspec.ImageOptions{
				Volumes: []runcspec.Volume{{Destination: "/var", Source: "/var/lib/nginx/var"}},
				Binds:   []specs.Mount{{Destination: "/srv", Type: "bind", Source: "/srv/www", Options: []string{"rbind", "ro"}}},
				Tmpfs:   []string{"/etc/nginx/conf.d", "/srv/tmp"},
				Output:  runcspec.OutputPipe,
			},
		},
	}
	for name, test := range tests {
		spec, err := runcspec.FromImage(image(test.config), test.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := runcspec.Parse(name, marshal(t, spec))
		if err != nil || !bytes.Equal(marshal(t, spec), marshal(t, again)) {
			t.Errorf("%s: does not survive Parse: %v", name, err)
		}
		adapt(t, spec, runcspec.Host{CgroupsPath: "/system.slice/x.service/container", Notify: true})
		if err := runcspec.Check(spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name != "minimal.json" { // which has all of the filter
			spec.Linux.Seccomp = nil
		}
		checkGolden(t, "image/"+name, spec)
	}
}

func TestFromImageUser(t *testing.T) {
	passwd := "root:x:0:0:root:/root:/bin/bash\n# comment\n\nweb:x:33:34::/srv/www:\n1000:x:5:6:::\nbad:x:x:0:::\nlong:x:7:70:::\n"
	group := "root:x:0:\nadm:x:4:root,web\nweb:x:34:web\nssl:x:101:nobody,web\nssl2:x:101:web\nbroken\n42:x:43:\n"
	for user, want := range map[string]string{
		"":             "0 0 [4] /root",
		"0":            "0 0 [4] /root",
		"root":         "0 0 [4] /root",
		"web":          "33 34 [4 101] /srv/www",
		"33":           "33 34 [4 101] /srv/www",
		"web:ssl":      "33 101 [] /srv/www",
		"33:7":         "33 7 [] /srv/www",
		"web:42":       "33 43 [] /srv/www",
		"1000":         "5 6 [] /",
		"2000":         "2000 0 [] /",
		"2000:web":     "2000 34 [] /",
		"2147483647:1": "2147483647 1 [] /",
		":web":         "0 34 [] /root",
		"long":         "7 70 [] /",
	} {
		spec, err := runcspec.FromImage(image(imgspec.ImageConfig{Cmd: []string{"x"}, User: user}),
			runcspec.ImageOptions{Passwd: []byte(passwd), Group: []byte(group)})
		if err != nil {
			t.Errorf("%q: %v", user, err)
			continue
		}
		u := spec.Process.User
		home := ""
		for _, e := range spec.Process.Env {
			if value, ok := strings.CutPrefix(e, "HOME="); ok {
				home = value
			}
		}
		if got := fmt.Sprintf("%d %d %v %s", u.UID, u.GID, u.AdditionalGids, home); got != want {
			t.Errorf("%q: got %s, want %s", user, got, want)
		}
		if root := u.UID == 0; root != (len(spec.Process.Capabilities.Bounding) > 0) {
			t.Errorf("%q: capabilities %v", user, spec.Process.Capabilities)
		}
	}
}

func TestFromImageRefuses(t *testing.T) {
	cmd := []string{"/bin/server"}
	options := runcspec.ImageOptions{Passwd: []byte("bad:x:x:0:::\n")}
	tests := []struct {
		config imgspec.ImageConfig
		want   string
	}{
		{imgspec.ImageConfig{}, "neither Entrypoint nor Cmd"},
		{imgspec.ImageConfig{Cmd: []string{""}}, "/process/args: names no program"},
		{imgspec.ImageConfig{Cmd: cmd, User: "postgres"}, `reading the image's User "postgres": "postgres" is neither a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "70:postgres"}, `reading the image's User "70:postgres": "postgres" is neither a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "70:"}, `"" is neither a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "-1"}, `"-1" is neither a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "bad"}, `the ids of its /etc/passwd are "x" and "0"`},
		{imgspec.ImageConfig{Cmd: cmd, User: "2147483648"}, `"2147483648" is neither a number up to 2147483647`},
		{imgspec.ImageConfig{Cmd: cmd, WorkingDir: "data"}, `/process/cwd: "data"`},
		{imgspec.ImageConfig{Cmd: cmd, Env: []string{"X"}}, `/process/env/2: "X"`},
	}
	for _, test := range tests {
		spec, err := runcspec.FromImage(image(test.config), options)
		if spec != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v", test.config, err)
		}
	}
	_, err := runcspec.FromImage(imgspec.Image{}, runcspec.ImageOptions{})
	if !errors.Is(err, runcspec.ErrNoCommand) {
		t.Errorf("got %v", err)
	}
}

func TestVolumes(t *testing.T) {
	config := func(paths ...string) imgspec.Image {
		volumes := map[string]struct{}{}
		for _, p := range paths {
			volumes[p] = struct{}{}
		}
		return image(imgspec.ImageConfig{Volumes: volumes})
	}
	got, err := runcspec.Volumes(config("/data/", "/data", "/a-b", "/a", "/a/b/c", "/data2/x"))
	if err != nil || !slices.Equal(got, []string{"/a", "/a-b", "/data", "/data2/x"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"/", "data", "", "/x/../proc/sys", "/dev", "/sys/fs"} {
		if _, err := runcspec.Volumes(config(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestParseBind(t *testing.T) {
	m, err := runcspec.ParseBind("/srv/www:/usr/share/nginx/html:ro,rslave")
	want := specs.Mount{
		Destination: "/usr/share/nginx/html", Type: "bind", Source: "/srv/www",
		Options: []string{"rbind", "nosuid", "nodev", "ro", "rslave"},
	}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, %v", m, err)
	}
	for _, bad := range []string{"", "/a", "a:/b", "/a:b", "/a:/b:rw:x", "/a:/b:", "/a:/b:mode=1", "/a/:/b", "/a/../c:/b"} {
		if _, err := runcspec.ParseBind(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// The profile is resolved by us, for any machine; for this one its own module must say
// the same.
func TestSeccompIsThatOfTheModule(t *testing.T) {
	for _, user := range []string{"0", "1000"} {
		spec, err := runcspec.FromImage(imgspec.Image{
			Platform: imgspec.Platform{Architecture: runtime.GOARCH},
			Config:   imgspec.ImageConfig{Cmd: []string{"x"}, User: user},
		}, runcspec.ImageOptions{})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := seccomp.GetDefaultProfile(spec)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(spec.Linux.Seccomp, theirs) {
			t.Errorf("user %s: got\n%+v\nwant\n%+v", user, spec.Linux.Seccomp, theirs)
		}
	}
	for arch, want := range map[string]specs.Arch{"": specs.ArchX86_64, "amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64, "riscv64": specs.ArchRISCV64} {
		spec, err := runcspec.FromImage(imgspec.Image{
			Platform: imgspec.Platform{Architecture: arch}, Config: imgspec.ImageConfig{Cmd: []string{"x"}},
		}, runcspec.ImageOptions{})
		if err != nil || spec.Linux.Seccomp.Architectures[0] != want {
			t.Errorf("%q: got %v, %v", arch, spec.Linux.Seccomp.Architectures, err)
		}
	}
}
