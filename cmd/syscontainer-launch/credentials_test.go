package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestCredentialsOfAnotherUser(t *testing.T) {
	t.Run("a service that stays", func(t *testing.T) { checkCredentials(t) })
	t.Run("a service that ends", func(t *testing.T) { checkCredentials(t, "--foreground") })
}

func checkCredentials(t *testing.T, flags ...string) {
	t.Helper()
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 5678
	}
	s := newScene(t, "works")
	s.write("secrets/PASSWORD", "hunter2\n")
	s.write("secrets/EMPTY", "")
	s.write("run/syscontainer/etcd/credentials/OLD", "x") // of a start that was killed
	s.host.environ = append(s.host.environ, "CREDENTIALS_DIRECTORY="+s.dir+"/secrets")
	s.args = append(flags, s.args...)
	dir := s.dir + "/run/syscontainer/etcd/credentials"
	s.write("bundle/config.json", fmt.Sprintf(`{
		"process": {"user": {"uid": 0, "gid": 7}},
		"mounts": [{"source": "/x"}, {"source": %q}],
		"linux": {"cgroupsPath": %q,
			"uidMappings": [{"containerID": 1, "hostID": 1, "size": 5}, {"containerID": 0, "hostID": %d, "size": 1}],
			"gidMappings": [{"containerID": 5, "hostID": %d, "size": 10}]}}`, dir, unitCgroup+"/container", uid, gid-2))
	if status, out := s.launch(t.Context()); status != exitDone || out != "" {
		t.Fatalf("status %d, %q", status, out)
	}
	for name, want := range map[string]string{"PASSWORD": "hunter2\n", "EMPTY": ""} {
		if got, err := os.ReadFile(dir + "/" + name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		checkOwner(t, dir+"/"+name, 0o400, uid, gid)
	}
	checkOwner(t, dir, 0o500, uid, gid)
	if exists(dir + "/OLD") {
		t.Error("an old one is still there")
	}
}

func checkOwner(t *testing.T, file string, mode os.FileMode, uid, gid int) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm() != mode || int(owner.Uid) != uid || int(owner.Gid) != gid {
		t.Errorf("%s: %v of %d:%d, want %v of %d:%d", file, info.Mode(), owner.Uid, owner.Gid, mode, uid, gid)
	}
}

func TestCredentialsThatSystemdDidNotSet(t *testing.T) {
	s := newScene(t, "works")
	s.write("bundle/config.json", fmt.Sprintf(`{"mounts": [{"source": %q}], "linux": {"cgroupsPath": %q}}`,
		s.dir+"/run/syscontainer/etcd/credentials", unitCgroup+"/container"))
	status, out := s.launch(t.Context())
	if status != exitFailed || !strings.Contains(out, "giving the container its credentials: systemd has set no CREDENTIALS_DIRECTORY") {
		t.Errorf("status %d, %q", status, out)
	}
	if calls, _ := s.calls(); calls != "" {
		t.Errorf("runtime got %q", calls)
	}
}
