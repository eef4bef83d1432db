package store_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/tests/badregistry"
)

// said is what the program printed, and its exit status.
type said struct {
	stdout, stderr string
	code           int
}

// say runs the program with the words as they are.
func (m *machine) say(words ...string) said {
	m.t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(m.t.Context(), program, append([]string{"--root", m.root}, words...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	return said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// hears demands an exit status and words on one of the outputs.
func (m *machine) hears(s said, code int, text string, words ...string) {
	m.t.Helper()
	if s.code != code {
		m.t.Fatalf("exit status %d, want %d\n%s%s", s.code, code, s.stdout, s.stderr)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			m.t.Errorf("there is no %q in\n%s", word, text)
		}
	}
}

// TestStallIsExplained: the host says how long a registry may say nothing.
func TestStallIsExplained(t *testing.T) {
	t.Parallel()
	images := t.TempDir()
	makeImage(t, images, 5, 1)
	m := newMachine(t, images)
	m.write("etc/syscontainer/config.toml", "stall_timeout = 1\n")
	m.Reset(badregistry.Stall)
	s := m.say("pull", "docker://"+m.Host+"/etcd")
	m.hears(s, 1, s.stderr, `pulling "docker://`+m.Host+`/etcd:latest": registry stalled: `,
		"hint: where that is not long enough, set stall_timeout in "+filepath.Join(m.root, "etc/syscontainer/config.toml"))
	m.noLeftovers()
}

// TestAccessIsExplained: who does what the hints say gets the image.
func TestAccessIsExplained(t *testing.T) {
	t.Parallel()
	images := t.TempDir()
	files := makeImage(t, images, 6, 1)
	m := newMachine(t, images)
	behind, err := url.Parse("http://" + m.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="all"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	// Whole names need no registries.conf.
	if err := os.Remove(filepath.Join(m.root, "etc/containers/registries.conf")); err != nil {
		t.Fatal(err)
	}
	image := "docker://" + host + "/etcd"

	certificate := filepath.Join("etc/containers/certs.d", host, "ca.crt")
	s := m.say("pull", image)
	m.hears(s, 1, s.stderr, "no trusted connection: ", "hint: put the certificate of the registry's CA into "+filepath.Join(m.root, certificate))
	m.write(certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))

	for _, verb := range []string{"pull", "inspect"} {
		s = m.say(verb, image)
		m.hears(s, 1, s.stderr, "access denied: ", "hint: log in with: podman login "+host+", or: skopeo login --authfile FILE "+host)
	}
	credentials := base64.StdEncoding.EncodeToString([]byte("me:secret"))
	m.write("auth.json", fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, credentials))
	s = m.say("pull", "--authfile", filepath.Join(m.root, "auth.json"), image)
	m.hears(s, 0, s.stdout, "pulled "+image)
	m.sound(files)
}

// TestBrokenImageIsShown: an image that cannot be read is in the list, stays, and hides no other.
func TestBrokenImageIsShown(t *testing.T) {
	t.Parallel()
	layouts := t.TempDir()
	var names []string
	for i, name := range []string{"broken", "whole"} {
		dir := filepath.Join(layouts, name)
		makeImage(t, dir, uint64(7+i), 1)
		names = append(names, "oci:"+dir+":latest")
	}
	m := newMachine(t, layouts)
	var pulled struct{ Commit string }
	s := m.say("pull", "--json", names[0])
	if err := json.Unmarshal([]byte(s.stdout), &pulled); err != nil {
		t.Fatal(err, s)
	}
	m.must("pull", names[1])
	if err := os.Remove(filepath.Join(m.repo, "objects", pulled.Commit[:2], pulled.Commit[2:]+".commit")); err != nil {
		t.Fatal(err)
	}

	s = m.say("images", "list")
	m.hears(s, 0, s.stdout, names[0], "<broken>", names[1])
	m.hears(s, 0, s.stderr, "warning: "+names[0]+" cannot be read: ")
	var list []struct {
		Names  []string
		Broken string
	}
	if err := json.Unmarshal([]byte(m.say("images", "list", "--json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Broken == "" || list[1].Broken != "" {
		t.Errorf("--json says %+v", list)
	}
	s = m.say("images", "prune", "--all")
	m.hears(s, 0, s.stderr, "warning: "+names[0]+" cannot be read; it stays")
	m.hears(s, 0, s.stdout, "removed "+names[1], "freed 0 B")
	s = m.say("images", "prune", "--json")
	m.hears(s, 0, s.stdout, `"unreadable": [`, names[0])
	s = m.say("images", "verify")
	m.hears(s, 1, s.stdout, names[0]+": damaged")

	m.must("rm", names[0])
	if _, err := os.Stat(m.repo); err == nil {
		t.Error("nothing is left, but there is a repo")
	}
	s = m.say("pull", names[0])
	m.hears(s, 0, s.stdout, "pulled "+names[0])

	var found struct{ ID string }
	if err := json.Unmarshal([]byte(m.say("inspect", "--json", names[0]).stdout), &found); err != nil {
		t.Fatal(err)
	}
	m.say("images", "tag", names[0], "second")
	s = m.say("images", "rm", found.ID[:16])
	m.hears(s, 1, s.stderr, " has several names: "+names[0]+", second:latest", "hint: give the names that are to go")
}
