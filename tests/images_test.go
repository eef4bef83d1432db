package tests_test

import (
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
)

const etcdImage = "docker://localhost:5000/etcd:latest"

// storedImage is a line of `syscontainer images list --json`.
type storedImage struct {
	Names      []string `json:"names"`
	ID         string   `json:"id"`
	Digest     string   `json:"digest"`
	Size       int      `json:"size"`
	Unique     int      `json:"unique_size"`
	Containers []string `json:"containers"`
}

func TestPullThenInstallFetchesNothing(t *testing.T) {
	m := machine(t)
	var looked struct {
		Local     bool     `json:"local"`
		Digest    string   `json:"digest"`
		Platforms []string `json:"platforms"`
		Layers    []struct {
			Size int `json:"size"`
		} `json:"layers"`
		Variables []struct {
			Name string `json:"name"`
		} `json:"variables"`
	}
	hosttest.Parse(t, m.Must("syscontainer", "inspect", "--json", "etcd"), &looked)
	if looked.Local || looked.Digest == "" || len(looked.Platforms) != 1 || len(looked.Layers) == 0 || looked.Layers[0].Size == 0 || looked.Variables != nil {
		t.Errorf("what is on the registry: %+v", looked)
	}
	if m.Try("test", "-e", repo).Code == 0 {
		t.Error("looking at an image made a repo")
	}

	hosttest.Contains(t, "pull", m.Must("syscontainer", "pull", "etcd"), "pulled "+etcdImage, looked.Digest)
	hosttest.Contains(t, "pull again", m.Must("syscontainer", "pull", "etcd"), "here already")
	hosttest.SameText(t, "who may see the state", m.Must("stat", "-c", "%a", "/var/lib/syscontainer"), "700")
	digest := looked.Digest
	hosttest.Parse(t, m.Must("syscontainer", "inspect", "--json", "etcd"), &looked)
	if !looked.Local || looked.Digest != digest || len(looked.Variables) == 0 {
		t.Errorf("what is in the store: %+v", looked)
	}
	m.Must("syscontainer", "lint", "--strict", "etcd")
	hosttest.Contains(t, "render", m.Must("syscontainer", "render", "etcd"), "==> /etc/systemd/system/etcd.service (0644) <==", "file       0755  /usr/local/bin/etcdctl")

	var images []storedImage
	hosttest.Parse(t, m.Must("syscontainer", "images", "list", "--json"), &images)
	if len(images) != 1 || images[0].Digest != digest || images[0].Size == 0 || images[0].Size != images[0].Unique {
		t.Fatalf("images: %+v", images)
	}
	// By its ID an image is installed without anybody being asked.
	m.Must("systemctl", "stop", "docker-registry")
	m.Must("syscontainer", "install", "--system", "--name", "etcd", strings.TrimPrefix(images[0].ID, "sha256:")[:12])
	hosttest.SameText(t, "the container's image", list(t, m)[0].Image, etcdImage)
	hosttest.SameText(t, "verify", m.Must("syscontainer", "images", "verify", "etcd"), etcdImage+": ok")
}

// TestInstallByDigest: the digest decides, also beside a tag and against what the tag means by now.
func TestInstallByDigest(t *testing.T) {
	m := machine(t)
	digest, _ := digests(t, m, etcdImage)
	pinned := "docker://localhost:5000/etcd@" + digest
	m.Must("syscontainer", "install", "--system", "etcd@"+digest)
	m.Must("syscontainer", "install", "--system", "--name", "etcd2", "docker://localhost:5000/etcd:no-such-tag@"+digest)
	for _, c := range list(t, m) {
		hosttest.SameText(t, "the image of "+c.Name, c.Image, pinned)
	}
	hosttest.Contains(t, "pull", m.Must("syscontainer", "pull", "localhost:5000/etcd:latest@"+digest), pinned+" is here already")
	m.Must("systemctl", "start", "etcd")
	hosttest.Contains(t, "show", m.Must("syscontainer", "show", "etcd"), "image:       "+pinned, "digest:      "+digest)
	other := m.Try("syscontainer", "install", "--system", "--name", "other", "etcd@sha256:"+strings.Repeat("0", 64))
	hosttest.Contains(t, "what the registry does not have", other.Stderr, "image not known")
	cut := m.Try("syscontainer", "install", "--system", "--name", "other", "etcd:latest@"+digest[:30])
	if other.Code != 1 || cut.Code == 0 {
		t.Errorf("exit status %d and %d", other.Code, cut.Code)
	}
	m.Must("systemctl", "stop", "docker-registry") // what has its digest is here
	for _, given := range []string{digest, digest[:19]} {
		hosttest.Contains(t, "pull", m.Must("syscontainer", "pull", given), "here already")
	}
}

func TestImageInUseStays(t *testing.T) {
	m := machine(t)
	installEtcd(m)
	refused := m.Try("syscontainer", "images", "rm", "etcd")
	if refused.Code != 1 {
		t.Errorf("the exit status is %d", refused.Code)
	}
	hosttest.Contains(t, "the refusal", refused.Stderr, "is in use by the container etcd", "hint: uninstall first: etcd")

	m.Must("syscontainer", "images", "tag", "etcd", "spare")
	m.Must("syscontainer", "images", "rm", "etcd") // one of two names
	if m.Try("syscontainer", "images", "rm", "spare").Code != 1 {
		t.Error("the last name of an image in use could be removed")
	}
	hosttest.Contains(t, "prune", m.Must("syscontainer", "images", "prune", "--all"), "freed 0 B")
	m.Must("systemctl", "start", "etcd")
	m.Must("ostree", "fsck", "--quiet", "--repo="+repo)

	m.Must("syscontainer", "uninstall", "etcd")
	hosttest.Contains(t, "prune", m.Must("syscontainer", "images", "prune"), "freed 0 B")
	hosttest.Contains(t, "prune", m.Must("syscontainer", "images", "prune", "--all"), "removed spare:latest", " MB (")
	hosttest.SameText(t, "the state directory", m.Must("sh", "-c", "ls -A /var/lib/syscontainer 2>/dev/null || true"), "")
}

func TestTwoInstallationsAndManyPrunesAtOnce(t *testing.T) {
	m := machine(t)
	m.Must("sh", "-ec", `
		syscontainer install --system --name etcd etcd & one=$!
		syscontainer install --system --name etcd2 docker://localhost:5000/etcd:3.6 & two=$!
		for i in 1 2 3 4 5 6 7 8; do syscontainer images prune --all; done
		wait $one; wait $two`)
	m.Must("ostree", "fsck", "--quiet", "--repo="+repo)
	if verified := m.Must("syscontainer", "images", "verify"); strings.Contains(verified, "damaged") {
		t.Errorf("verify says\n%s", verified)
	}
	if n := len(list(t, m)); n != 2 {
		t.Errorf("%d containers are installed", n)
	}
}

func TestDamageIsFound(t *testing.T) {
	m := machine(t)
	m.Must("syscontainer", "pull", "etcd")
	object := m.Must("sh", "-c", "find "+repo+"/objects -name '*.file' -size +1000k | head -n 1")
	m.Must("sh", "-c", "printf x >>"+object)
	found := m.Try("syscontainer", "images", "verify")
	if found.Code != 1 {
		t.Errorf("the exit status is %d", found.Code)
	}
	hosttest.Contains(t, "verify", found.Stdout, etcdImage+": damaged", "/usr/bin/etcd")
	hosttest.Contains(t, "verify", found.Stderr, "1 of 1 images are damaged")
	m.Must("syscontainer", "images", "rm", etcdImage)
	m.Must("syscontainer", "pull", "etcd")
	m.Must("syscontainer", "images", "verify")
}

func TestMountIsReadOnlyAndEndsWithAReboot(t *testing.T) {
	m := machine(t)
	startEtcd(m)
	m.Must("mkdir", "/run/look")
	own := m.Must("syscontainer", "mount", "etcd")
	hosttest.SameText(t, "where the image is", m.Must("syscontainer", "mount", etcdImage, "/run/look"), "/run/look")
	for _, dir := range []string{own, "/run/look"} {
		m.Must("test", "-x", dir+"/usr/bin/etcd")
		if try := m.Try("touch", dir+"/x"); !strings.Contains(try.Stderr, "Read-only file system") {
			t.Errorf("writing to %s: %+v", dir, try)
		}
		hosttest.Contains(t, "the options", m.Must("findmnt", "-no", "OPTIONS", "--mountpoint", dir), "ro", "nosuid", "nodev")
	}
	hosttest.Contains(t, "the list", m.Must("syscontainer", "mount"), own, "/run/look", etcdImage)
	busy := m.Try("sh", "-c", "cd "+own+" && syscontainer unmount etcd")
	if busy.Code != 1 || !strings.Contains(busy.Stderr, "is in use") {
		t.Errorf("unmounting what is in use: %+v", busy)
	}
	over := m.Try("syscontainer", "mount", "etcd", "/run/look")
	if over.Code != 1 || !strings.Contains(over.Stderr, "something else is mounted at /run/look already") {
		t.Errorf("mounting over something else: %+v", over)
	}
	hosttest.Contains(t, "unmount", m.Must("sh", "-c", "cd /run && syscontainer unmount look"), "unmounted /run/look")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosttest.SameText(t, "state after boot", m.Property("etcd", "ActiveState"), "active")
	hosttest.SameText(t, "mounts after boot", m.Must("syscontainer", "mount", "--json"), "[]")
	if m.Try("test", "-e", "/var/lib/syscontainer/mounts").Code == 0 {
		t.Error("something is left of the mounts")
	}
}

func TestInstallWithAPolicyOfItsOwn(t *testing.T) {
	m := machine(t)
	m.Must("sh", "-c", `echo '{"default": [{"type": "reject"}]}' >/run/policy.json`)
	for _, verb := range []string{"pull", "install --system"} {
		refused := m.Try("sh", "-c", "syscontainer "+verb+" --policy /run/policy.json etcd")
		if refused.Code != 1 || !strings.Contains(refused.Stderr, "rejected by policy") {
			t.Errorf("%s: %+v", verb, refused)
		}
	}
	hosttest.SameText(t, "what is left", m.Must("sh", "-c", "ls -A /var/lib/syscontainer 2>/dev/null || true"), "")
	m.Must("syscontainer", "pull", "etcd")
}
