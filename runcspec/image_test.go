package runcspec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/runcspec"
)

func image(config imgspec.ImageConfig) imgspec.Image {
	return imgspec.Image{Config: config}
}

func TestFromImageGolden(t *testing.T) {
	none := struct{}{}
	tests := map[string]imgspec.ImageConfig{
		"minimal.json": {Cmd: []string{"/bin/server"}},
		"redis.json": {
			Entrypoint: []string{"docker-entrypoint.sh"},
			Cmd:        []string{"redis-server", "--port", "6379"},
			Env:        []string{"REDIS_VERSION=7.2", "PATH=/opt/bin:/usr/bin"},
			User:       "999:1000",
			WorkingDir: "/data/",
			Volumes:    map[string]struct{}{"/data": none, "/var/lib/redis/": none, "/data/": none, "/a-b": none, "/a": none},
			StopSignal: "SIGINT",
		},
	}
	for name, config := range tests {
		spec, err := runcspec.FromImage(image(config), runcspec.ImageOptions{VolumeDir: "/var/lib/redis"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden(t, "image/"+name, spec)
		again, err := runcspec.Parse(name, marshal(t, spec))
		if err != nil || !bytes.Equal(marshal(t, spec), marshal(t, again)) {
			t.Errorf("%s: does not survive Parse: %v", name, err)
		}
		adapt(t, spec, runcspec.Host{CgroupsPath: "/system.slice/x.service/container", Notify: true})
		if err := runcspec.Check(spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFromImageUser(t *testing.T) {
	for user, want := range map[string][2]uint32{
		"": {0, 0}, "0": {0, 0}, "1000": {1000, 0}, "1000:2000": {1000, 2000}, "2147483647:1": {1<<31 - 1, 1},
	} {
		spec, err := runcspec.FromImage(image(imgspec.ImageConfig{Cmd: []string{"x"}, User: user}), runcspec.ImageOptions{})
		if err != nil || [2]uint32{spec.Process.User.UID, spec.Process.User.GID} != want {
			t.Errorf("%q: got %v", user, err)
			continue
		}
		if root := want[0] == 0; root != (len(spec.Process.Capabilities.Bounding) > 0) {
			t.Errorf("%q: capabilities %v", user, spec.Process.Capabilities)
		}
	}
}

func TestFromImageRefuses(t *testing.T) {
	cmd := []string{"/bin/server"}
	volume := func(p string) map[string]struct{} { return map[string]struct{}{p: {}} }
	tests := []struct {
		config imgspec.ImageConfig
		want   string
	}{
		{imgspec.ImageConfig{}, "neither Entrypoint nor Cmd"},
		{imgspec.ImageConfig{Cmd: []string{""}}, "/process/args: names no program"},
		{imgspec.ImageConfig{Cmd: cmd, User: "postgres"}, `reading the image's User "postgres": "postgres" is not a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "70:postgres"}, `reading the image's User "70:postgres": "postgres" is not a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "70:"}, `"" is not a number`},
		{imgspec.ImageConfig{Cmd: cmd, User: "-1"}, "not a number from 0"},
		{imgspec.ImageConfig{Cmd: cmd, User: "2147483648"}, "not a number from 0"},
		{imgspec.ImageConfig{Cmd: cmd, WorkingDir: "data"}, `/process/cwd: "data"`},
		{imgspec.ImageConfig{Cmd: cmd, Env: []string{"X"}}, `/process/env/1: "X"`},
		{imgspec.ImageConfig{Cmd: cmd, Volumes: volume("/")}, `"/" cannot be a volume`},
		{imgspec.ImageConfig{Cmd: cmd, Volumes: volume("data")}, `"data" cannot be a volume`},
		{imgspec.ImageConfig{Cmd: cmd, Volumes: volume("/x/../proc/sys")}, `"/x/../proc/sys" cannot be a volume`},
	}
	for _, test := range tests {
		spec, err := runcspec.FromImage(image(test.config), runcspec.ImageOptions{VolumeDir: "/var/lib/x"})
		if spec != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v", test.config, err)
		}
	}
	_, err := runcspec.FromImage(imgspec.Image{}, runcspec.ImageOptions{})
	if !errors.Is(err, runcspec.ErrNoCommand) {
		t.Errorf("got %v", err)
	}
	_, err = runcspec.FromImage(image(imgspec.ImageConfig{Cmd: cmd, Volumes: volume("/x")}), runcspec.ImageOptions{})
	if err == nil {
		t.Error("volumes without a directory are accepted")
	}
}
