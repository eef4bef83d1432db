package imagestore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestPolicyThatIsNoFile: nobody waits for what a pipe will say.
func TestPolicyThatIsNoFile(t *testing.T) {
	ref := image(t, gz(t, fileItem("f", "1")))
	store, repo := rooted(t, "")
	policy := filepath.Join(rootOf(repo), "etc/containers/policy.json")
	do(t, os.Remove(policy))
	do(t, unix.Mkfifo(policy, 0o600))
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, policy, "not a regular file")
	do(t, os.Remove(policy))
	do(t, os.Mkdir(policy, 0o755))
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, policy, "not a regular file")
	do(t, os.Remove(policy))
	do(t, os.Symlink("nowhere", policy))
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, filepath.Join(filepath.Dir(policy), "nowhere"))
	do(t, os.Remove(policy))
	put(t, repo, "etc/containers/accept.json", acceptAll)
	do(t, os.Symlink("accept.json", policy))
	pull(t, store, ref)
}

// gpgKey makes a key that is thrown away after the test.
func gpgKey(t *testing.T) (home string, public []byte) {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // a socket's path must be short
	do(t, err)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	gpg(t, home, "--quick-generate-key", "test@example.invalid", "rsa2048", "sign")
	return home, gpg(t, home, "--export")
}

func gpg(t *testing.T, home string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gpg %q: %v\n%s", args, err, stderr.String())
	}
	return out
}

// sign signs a manifest as name, with a key of home, and returns the signature.
func sign(t *testing.T, home, manifest, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "signature")
	cmd := exec.Command("skopeo", "standalone-sign", manifest, name, "test@example.invalid", "--output", out)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("skopeo standalone-sign: %v\n%s", err, text)
	}
	signature, err := os.ReadFile(out)
	do(t, err)
	return string(signature)
}

// signedBy is a policy that trusts a registry's images when key signed them; the
// key is below the root.
func signedBy(host, requirement string) string {
	return fmt.Sprintf(`{"default": [{"type": "reject"}], "transports": {"docker": {%q: [%s]}}}`, host, requirement)
}

// TestSignedImages signs with a real key. What is not signed, or by somebody else,
// or is another image than the signed one, leaves nothing.
func TestSignedImages(t *testing.T) {
	l := tiny(t)
	l.tag(t, "other", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "evil"))))
	signed, other := l.index.Manifests[0].Digest, l.index.Manifests[1].Digest
	store, repo, host := registry(t, serve(t, l, "x"))
	home, key := gpgKey(t)
	stranger, _ := gpgKey(t)
	put(t, repo, "etc/pki/key.gpg", string(key))
	put(t, repo, "etc/containers/policy.json", signedBy(host, `{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/pki/key.gpg"}`))
	put(t, repo, "etc/containers/registries.d/test.yaml", fmt.Sprintf("docker:\n  %s:\n    lookaside: file://%s/signatures\n", host, rootOf(repo)))
	manifest := func(d digest.Digest) string { return filepath.Join(l.dir, "blobs/sha256", d.Encoded()) }
	lookaside := func(d digest.Digest) string { return "signatures/x@sha256=" + d.Encoded() + "/signature-1" }

	fails(t, store, repo, host+"/x", imagestore.ErrRejected, "signature")
	put(t, repo, lookaside(signed), sign(t, stranger, manifest(signed), host+"/x:latest"))
	fails(t, store, repo, host+"/x", imagestore.ErrRejected, "signature")
	put(t, repo, lookaside(signed), sign(t, home, manifest(signed), host+"/y:latest"))
	fails(t, store, repo, host+"/x", imagestore.ErrRejected, "Signature for identity")
	good := sign(t, home, manifest(signed), host+"/x:latest")
	put(t, repo, lookaside(signed), strings.Replace(good, good[100:101], "?", 1))
	fails(t, store, repo, host+"/x", imagestore.ErrRejected)
	put(t, repo, lookaside(other), good)
	fails(t, store, repo, host+"/x:other", imagestore.ErrRejected)
	put(t, repo, lookaside(signed), good)
	pull(t, store, host+"/x")

	// The manifest that was signed, and layers that are others.
	layer := filepath.Join(l.dir, "blobs", strings.Replace(l.layers(t)[0], ":", "/", 1))
	do(t, store.Remove(t.Context(), host+"/x"))
	writeFile(t, layer, gz(t, fileItem("f", "evil")).blob)
	fails(t, store, repo, host+"/x", nil)
}

// TestSigstoreSignedImages: signatures as cosign puts them beside an image.
func TestSigstoreSignedImages(t *testing.T) {
	l := tiny(t)
	store, repo, host := registry(t, serve(t, l, "x"))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	do(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	do(t, err)
	put(t, repo, "etc/pki/cosign.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	put(t, repo, "etc/containers/policy.json", signedBy(host, `{"type": "sigstoreSigned", "keyPath": "/etc/pki/cosign.pub", "signedIdentity": {"type": "matchRepository"}}`))
	put(t, repo, "etc/containers/registries.d/test.yaml", fmt.Sprintf("docker:\n  %s:\n    use-sigstore-attachments: true\n", host))
	fails(t, store, repo, host+"/x", imagestore.ErrRejected)

	attach := func(signed digest.Digest) {
		payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"%s/x"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":{}}`, host, signed)
		sum := sha256.Sum256(payload)
		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		do(t, err)
		layer := l.blob(t, "application/vnd.dev.cosign.simplesigning.v1+json", payload)
		layer.Annotations = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)}
		l.index.Manifests = l.index.Manifests[:1]
		l.tag(t, strings.Replace(l.index.Manifests[0].Digest.String(), ":", "-", 1)+".sig", l.json(t, imgspec.MediaTypeImageManifest, imgspec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageManifest,
			Config: l.json(t, imgspec.MediaTypeImageConfig, imgspec.Image{RootFS: imgspec.RootFS{Type: "layers"}}),
			Layers: []imgspec.Descriptor{layer},
		}))
	}
	attach(digest.FromString("another image"))
	fails(t, store, repo, host+"/x", imagestore.ErrRejected)
	attach(l.index.Manifests[0].Digest)
	pull(t, store, host+"/x")
}
