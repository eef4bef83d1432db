package imagestore_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// hide moves a file or directory of a root elsewhere, and puts a link in its place that
// leads there for the host that the root is of, and nowhere for the one that runs.
func hide(t *testing.T, root, name, prefix string) {
	t.Helper()
	moved, err := os.MkdirTemp(root, "moved-")
	do(t, err)
	place := filepath.Join(root, name)
	do(t, os.Rename(place, filepath.Join(moved, "it")))
	do(t, os.Symlink(prefix+"/"+filepath.Base(moved)+"/it", place))
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s leads to something: %v", place, err)
	}
}

// upwards is the beginning of a link that steps up more often than there are directories.
var upwards = strings.Repeat("/..", 40)[1:]

// TestLinksBelowRoot: each of the files that say how to pull, and each directory on the
// way to one, may be a link, and the running host's are not taken for it.
func TestLinksBelowRoot(t *testing.T) {
	for kind, prefix := range map[string]string{"absolute": "", "upwards": upwards} {
		t.Run(kind, func(t *testing.T) {
			l := tiny(t)
			authority := newAuthority(t)
			handler := serve(t, l, "x")
			host := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, password, _ := r.BasicAuth(); password != "secret" {
					w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				handler(w, r)
			}), authority, nil)
			alias := func(name string) string { return fmt.Sprintf("[aliases]\n%q = \"%s/x\"\n", name, host) }
			store, repo := rooted(t, alias("main"))
			root := rootOf(repo)
			home, key := gpgKey(t)
			signed := l.index.Manifests[0].Digest
			for name, text := range map[string]string{
				"etc/containers/policy.json":                               signedBy(host, `{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/pki/key.gpg"}`),
				"etc/containers/registries.d/test.yaml":                    fmt.Sprintf("docker:\n  %s:\n    lookaside: file://%s/signatures\n", host, root),
				"etc/containers/registries.conf.d/more.conf":               alias("more"),
				"etc/containers/certs.d/" + host + "/ca.crt":               authority.pem(),
				"etc/pki/key.gpg":                                          string(key),
				"run/containers/0/auth.json":                               fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte("me:secret"))),
				"var/cache/containers/short-name-aliases.conf":             alias("recorded"),
				"signatures/x@sha256=" + signed.Encoded() + "/signature-1": sign(t, home, l.file(signed), host+"/x:latest"),
			} {
				put(t, repo, name, text)
			}
			for _, name := range []string{
				"", "etc/containers/policy.json", "etc/containers/registries.conf", "etc/containers/registries.conf.d/more.conf",
				"etc/containers/registries.d/test.yaml", "etc/pki/key.gpg", "etc/containers/certs.d/" + host + "/ca.crt",
				"run/containers/0/auth.json", "var/cache/containers/short-name-aliases.conf", "etc/containers/registries.conf.d",
				"etc/containers/registries.d", "etc/containers/certs.d/" + host, "etc/containers/certs.d", "etc/pki", "etc", "run",
			} {
				if name != "" {
					hide(t, root, name, prefix)
				}
				for _, short := range []string{"main", "more", "recorded"} {
					if _, err := store.Pull(t.Context(), short); err != nil {
						t.Fatalf("with a link at %q: %v", name, err)
					}
				}
				do(t, store.Remove(t.Context(), host+"/x"))
			}
		})
	}
}

// TestNoPolicyOfTheHost: a root whose policy leads nowhere has none, whatever the running
// host has there.
func TestNoPolicyOfTheHost(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "policy.json")
	writeFile(t, outside, []byte(acceptAll))
	for _, target := range []string{outside, upwards + outside} {
		store, repo := rooted(t, "")
		policy := filepath.Join(rootOf(repo), "etc/containers/policy.json")
		do(t, os.Remove(policy))
		do(t, os.Symlink(target, policy))
		if text, err := os.ReadFile(policy); err != nil || string(text) != acceptAll {
			t.Fatalf("the link does not lead out: %v", err)
		}
		l := newLayout(t)
		ref := l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1"))))
		fails(t, store, repo, ref, imagestore.ErrNoPolicy)
	}
}

// TestLinkedStorage: a container storage that is elsewhere below the root.
func TestLinkedStorage(t *testing.T) {
	for _, prefix := range []string{"", upwards} {
		store, repo := rooted(t, "")
		root := rootOf(repo)
		put(t, repo, "etc/containers/storage.conf", "[storage]\ndriver = \"vfs\"\ngraphroot = \"/srv/storage\"\nrunroot = \"/run/storage\"\n")
		file := filepath.Join(t.TempDir(), "f")
		writeFile(t, file, []byte("content"))
		container := buildah(t, root, "vfs", "from", "scratch")
		buildah(t, root, "vfs", "copy", "--quiet", container, file, "/f")
		buildah(t, root, "vfs", "commit", "--quiet", container, "localhost/one")
		hide(t, root, "etc/containers/storage.conf", prefix)
		hide(t, root, "srv/storage", prefix)
		hide(t, root, "run", prefix)
		pull(t, store, "containers-storage:localhost/one")
	}
}
