package imagestore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// rootOf is the root directory of a store that rooted made.
func rootOf(repo string) string { return strings.TrimSuffix(repo, "/var/lib/syscontainer/repo") }

// put writes a file below a root directory.
func put(t *testing.T, repo, name, text string) {
	t.Helper()
	file := filepath.Join(rootOf(repo), name)
	do(t, errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)))
}

// tiny is a layout with an image that is called latest.
func tiny(t *testing.T) *layout {
	t.Helper()
	l := newLayout(t)
	l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1"))))
	return l
}

// TestCredentials: they come from below the root or from a file that is given, and
// the wrong ones are tried once.
func TestCredentials(t *testing.T) {
	handler := serve(t, tiny(t), "x")
	var refused atomic.Int32
	store, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			if ok {
				refused.Add(1)
			}
			return
		}
		handler(w, r)
	})
	auth := func(password string) string {
		return fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte("me:"+password)))
	}
	fails(t, store, repo, host+"/x", imagestore.ErrUnauthorized)
	put(t, repo, "run/containers/0/auth.json", auth("wrong"))
	fails(t, store, repo, host+"/x", imagestore.ErrUnauthorized)
	if n := refused.Load(); n > 2 {
		t.Errorf("a wrong password was tried %d times", n)
	}
	put(t, repo, "run/containers/0/auth.json", auth("secret"))
	pull(t, store, host+"/x")

	put(t, repo, "run/containers/0/auth.json", "{}")
	put(t, repo, "given.json", auth("secret"))
	given := imagestore.New(imagestore.Options{Repo: repo, Root: rootOf(repo), AuthFile: filepath.Join(rootOf(repo), "given.json"), TempDir: t.TempDir()})
	pull(t, given, host+"/x")
	if _, err := given.InspectRemote(t.Context(), host+"/x"); err != nil {
		t.Error(err)
	}
}

// authority is a CA, and what it signed.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	do(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	do(t, err)
	certificate, err := x509.ParseCertificate(der)
	do(t, err)
	return &authority{certificate, key}
}

// issue signs a certificate for a server and client on loopback.
func (a *authority) issue(t *testing.T) (certificate, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	do(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, own.Public(), a.key)
	do(t, err)
	ownDER, err := x509.MarshalPKCS8PrivateKey(own)
	do(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ownDER})
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// serveTLS serves with a certificate of a, and asks clients for one of clients.
func serveTLS(t *testing.T, handler http.Handler, a, clients *authority) (host string) {
	t.Helper()
	pair, err := tls.X509KeyPair(a.issue(t))
	do(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = nil
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		server.TLS.ClientAuth, server.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		server.TLS.ClientCAs.AddCert(clients.certificate)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "https://")
}

func TestTLS(t *testing.T) {
	for _, folder := range []string{"etc/containers/certs.d/", "etc/docker/certs.d/"} {
		ours, theirs := newAuthority(t), newAuthority(t)
		host := serveTLS(t, serve(t, tiny(t), "x"), ours, theirs)
		store, repo := rooted(t, "")
		fails(t, store, repo, host+"/x", imagestore.ErrUntrusted, "unknown authority")
		put(t, repo, folder+host+"/ca.crt", ours.pem())
		fails(t, store, repo, host+"/x", imagestore.ErrUntrusted, "certificate required")
		certificate, key := theirs.issue(t)
		put(t, repo, folder+host+"/client.cert", string(certificate))
		put(t, repo, folder+host+"/client.key", string(key))
		pull(t, store, host+"/x")
	}
	// Whoever speaks no TLS is told apart from one that is not there.
	plain := httptest.NewServer(serve(t, tiny(t), "x"))
	defer plain.Close()
	store, repo := rooted(t, "")
	fails(t, store, repo, strings.TrimPrefix(plain.URL, "http://")+"/x", imagestore.ErrUntrusted, "HTTP response")
	// And insecure = true does for a certificate that nobody knows.
	host := serveTLS(t, serve(t, tiny(t), "x"), newAuthority(t), nil)
	store, _ = rooted(t, fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", host))
	pull(t, store, host+"/x")
}

// TestMirrors: the first mirror that has it gives the image, and the name stays the
// one that was asked for.
func TestMirrors(t *testing.T) {
	l := tiny(t)
	mirror := httptest.NewServer(serve(t, l, "copies/x"))
	defer mirror.Close()
	original := httptest.NewServer(serve(t, l, "x"))
	defer original.Close()
	at, host := strings.TrimPrefix(mirror.URL, "http://"), strings.TrimPrefix(original.URL, "http://")
	conf := `[[registry]]
prefix = "registry.invalid"
location = %q
insecure = true
[[registry.mirror]]
location = "127.0.0.1:1/copies"
insecure = true
[[registry.mirror]]
location = "%s/copies"
insecure = true
`
	store, repo := rooted(t, "")
	put(t, repo, "etc/containers/registries.conf.d/mirrors.conf", fmt.Sprintf(conf, "127.0.0.1:1", at))
	if img := pull(t, store, "registry.invalid/x"); img.Reference != "docker://registry.invalid/x:latest" {
		t.Errorf("from the mirror: %+v", img)
	}
	mirror.Close()
	store, repo = rooted(t, fmt.Sprintf(conf, host, at))
	pull(t, store, "registry.invalid/x") // from where it really is
	fails(t, store, repo, "registry.invalid/nothing", imagestore.ErrUnknown, "irrors also failed")
}

func TestBlockedRegistry(t *testing.T) {
	store, repo := rooted(t, "[[registry]]\nlocation = \"registry.invalid\"\nblocked = true\n")
	fails(t, store, repo, "registry.invalid/x", imagestore.ErrBlocked, "registry.invalid")
}

// TestRecordedAliases: what podman remembered below the root is used, and stays as
// it is.
func TestRecordedAliases(t *testing.T) {
	const file = "var/cache/containers/short-name-aliases.conf"
	store, repo, host := registry(t, serve(t, tiny(t), "x"))
	text := fmt.Sprintf("[aliases]\n\"etcd\" = \"%s/x\"\n", host)
	put(t, repo, file, text)
	if img := pull(t, store, "etcd"); img.Reference != "docker://"+host+"/x:latest" {
		t.Errorf("by its alias: %+v", img)
	}
	if got, err := os.ReadFile(filepath.Join(rootOf(repo), file)); err != nil || string(got) != text {
		t.Errorf("the aliases: %q, %v", got, err)
	}
	if found, err := filepath.Glob(filepath.Join(rootOf(repo), filepath.Dir(file), "*")); err != nil || len(found) != 1 {
		t.Errorf("beside the aliases: %q, %v", found, err)
	}
}
