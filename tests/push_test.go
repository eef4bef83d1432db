package tests_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/tests/host"
	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// secondRegistry starts one more registry on a machine: localhost:5001, empty.
func secondRegistry(m *hosttest.Machine) {
	m.Must("sh", "-ec", `
		mkdir -p /run/second
		printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: /run/second/images}}\nhttp: {addr: "localhost:5001"}\n' >/run/second/config.yml
		printf '[[registry]]\nlocation = "localhost:5001"\ninsecure = true\n' >/run/second/registries.conf
		mkdir -p /etc/containers/registries.conf.d
		cp /run/second/registries.conf /etc/containers/registries.conf.d/second.conf
		systemd-run --quiet --unit=second-registry docker-registry serve /run/second/config.yml`)
	m.Eventually("sh", "-c", "ss -ltn | grep -q :5001")
}

// skopeo runs skopeo in the machine's network: another program's view of what is on its registries.
func skopeo(t *testing.T, m *hosttest.Machine, args ...string) string {
	t.Helper()
	result, err := m.RunInNetwork(t.Context(), append([]string{"skopeo", "--insecure-policy"}, args...)...)
	if err != nil || result.Code != 0 {
		t.Fatalf("skopeo %s: %v\n%s", args, err, result.Stderr)
	}
	return result.Stdout
}

// digests are those of an image's manifest and configuration.
func digests(t *testing.T, m *hosttest.Machine, ref string) (manifest, config string) {
	t.Helper()
	sum := func(args ...string) string {
		text := skopeo(t, m, append([]string{"inspect", "--tls-verify=false", "--raw"}, append(args, ref)...)...)
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
	}
	return sum(), sum("--config")
}

// pushed is what push --json prints.
type pushed struct {
	Destination  string   `json:"destination"`
	Digest       string   `json:"digest"`
	ID           string   `json:"id"`
	Same         bool     `json:"same"`
	Recompressed []string `json:"recompressed"`
}

func TestPushToAnotherRegistry(t *testing.T) {
	m := machine(t)
	secondRegistry(m)
	t.Cleanup(func() { m.Must("rm", "/etc/containers/registries.conf.d/second.conf") })
	layout := t.TempDir()
	text := strings.Repeat("content\n", 100_000)
	if err := ociimage.Write(layout, imgspec.ImageConfig{Cmd: []string{"/bin/x"}}, ociimage.Files{"bin/x": text}, ociimage.Files{"y": "y"}); err != nil {
		t.Fatal(err)
	}
	if err := m.Push(t.Context(), host.Image{Layout: layout, Tag: "latest"}, "small:latest"); err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{"small:latest": true, "etcd:latest": false} {
		from, to := "docker://localhost:5000/"+name, "docker://localhost:5001/copy/"+name
		m.Must("syscontainer", "pull", from)
		var result pushed
		hosttest.Parse(t, m.Must("syscontainer", "push", "--json", from, to), &result)
		manifest, config := digests(t, m, from)
		newManifest, newConfig := digests(t, m, to)
		if config != newConfig || result.ID != config || result.Digest != newManifest || result.Destination != to {
			t.Errorf("%s: config %s became %s, and push says %+v", name, config, newConfig, result)
		}
		if (manifest == newManifest) != (len(result.Recompressed) == 0) || result.Same != (manifest == newManifest) || same && !result.Same {
			t.Errorf("%s: manifest %s became %s, and push says %+v", name, manifest, newManifest, result)
		}
		skopeo(t, m, "copy", "--quiet", "--src-tls-verify=false", to, "dir:"+t.TempDir()) // every layer, with its digest
	}
	// By its ID, to where it came from: all blobs are there.
	_, id := digests(t, m, "docker://localhost:5000/etcd:latest")
	hosttest.Contains(t, "push by ID", m.Must("syscontainer", "push", id[7:19], "docker://localhost:5000/etcd:again"), "pushed "+etcdImage)
	before, _ := digests(t, m, "docker://localhost:5000/etcd:latest")
	after, _ := digests(t, m, "docker://localhost:5000/etcd:again")
	hosttest.SameText(t, "the manifest where all layers are", after, before)

	// A host that keeps blobs keeps every digest.
	m.Must("sh", "-c", "syscontainer images prune --all && mkdir -p /etc/syscontainer && echo keep_blobs=true >>/etc/syscontainer/config.toml")
	m.Must("syscontainer", "pull", "etcd")
	m.Must("syscontainer", "push", "etcd", "docker://localhost:5001/kept:latest")
	kept, _ := digests(t, m, "docker://localhost:5001/kept:latest")
	hosttest.SameText(t, "the manifest of what was kept", kept, before)
	m.Must("sed", "-i", "/keep_blobs=true/d", "/etc/syscontainer/config.toml")

	m.Must("systemctl", "stop", "second-registry")
	refused := m.Try("syscontainer", "push", "etcd", "docker://localhost:5001/x:y")
	if refused.Code != 1 {
		t.Errorf("the exit status is %d", refused.Code)
	}
	hosttest.Contains(t, "the refusal", refused.Stderr, `pushing to "docker://localhost:5001/x:y": registry unreachable`)
	if left := m.Must("sh", "-c", "ls -A /var/lib/syscontainer | grep -v '^repo' || true"); left != "" {
		t.Errorf("pushes left %q", left)
	}
}
