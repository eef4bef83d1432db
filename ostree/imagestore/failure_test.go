package imagestore_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// fails pulls what cannot be pulled and demands the reason, text that people
// need, one line, and nothing left behind.
func fails(t *testing.T, store *imagestore.Store, repo, ref string, reason error, texts ...string) {
	t.Helper()
	top := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(repo))))
	before := listing(t, top)
	_, err := store.Pull(t.Context(), ref)
	if err == nil {
		t.Fatal("the pull succeeded")
	}
	var pullError *imagestore.PullError
	if !errors.As(err, &pullError) || reason != nil && !errors.Is(err, reason) {
		t.Errorf("error %q, want one that is %q", err, reason)
	}
	for _, text := range append(texts, "pulling ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
	t.Log(err)
	if after := listing(t, top); !slices.Equal(before, after) {
		t.Errorf("left behind:\n%q\nbefore:\n%q", after, before)
	}
}

func TestBrokenImages(t *testing.T) {
	good := gz(t, fileItem("f", strings.Repeat("content", 10000)))
	wrongDiffID := good
	wrongDiffID.diffID = digest.FromString("something else")
	truncated := good
	truncated.blob = truncated.blob[:len(truncated.blob)/2]
	corrupt := good
	corrupt.blob = slices.Clone(corrupt.blob)
	corrupt.blob[len(corrupt.blob)/2] ^= 0xff
	cut := plainLayer(t, fileItem("f", strings.Repeat("content", 10000)))
	cut.blob = cut.blob[:30000]
	cut.diffID = digest.FromBytes(cut.blob)
	big := plainLayer(t, fileItem("big", strings.Repeat("x", 3<<20)))
	big.blob = big.blob[:2<<20]
	xz := testLayer{imgspec.MediaTypeImageLayer, []byte("\xfd7zXZ\x00 and so on"), digest.FromString("x")}
	for _, test := range []struct {
		name   string
		layers []testLayer
		text   string
	}{
		{"wrong DiffID", []testLayer{good, wrongDiffID}, "its config says"},
		{"truncated gzip", []testLayer{good, truncated}, "too early"},
		{"corrupt gzip", []testLayer{corrupt}, "decompressing"},
		{"cut tar", []testLayer{cut}, "broken image"},
		{"cut in a large file", []testLayer{big}, "broken image"},
		{"no tar", []testLayer{plainOf(strings.Repeat("no tar ", 1000))}, "tar"},
		{"xz", []testLayer{xz}, "xz"},
		{"steps upwards", []testLayer{gz(t, fileItem("../evil", "x"))}, `".."`},
		{"steps upwards inside", []testLayer{gz(t, fileItem("a/../../evil", "x"))}, `".."`},
		{"hard link that steps upwards", []testLayer{gz(t, linkItem("a", "../../etc/passwd"))}, `".."`},
		{"hard link to nothing", []testLayer{gz(t, linkItem("a", "b"))}, "no file"},
		{"hard link to a directory", []testLayer{gz(t, dirItem("b", 0o755), linkItem("a", "b"))}, "no file"},
		{"below a file", []testLayer{gz(t, fileItem("a", "1"), fileItem("a/b", "2"))}, "not a directory"},
		{"symlink loop", []testLayer{gz(t, symlinkItem("a", "b"), symlinkItem("b", "a"), fileItem("a/f", "2"))}, "symlinks"},
		{"deep", []testLayer{gz(t, fileItem(strings.Repeat("d/", 300)+"f", "2"))}, "deep"},
		{"long name", []testLayer{gz(t, fileItem(strings.Repeat("n", 256), "2"))}, "255"},
		{"file as root", []testLayer{gz(t, fileItem(".", "2"))}, "root"},
		{"owner", []testLayer{gz(t, item{Header: headerOwned(-1)})}, "owner"},
		{"whiteout of nothing", []testLayer{gz(t, fileItem("a/.wh.", ""))}, "whiteout"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ref := image(t, test.layers...)
			store, repo := newStore(t)
			fails(t, store, repo, ref, imagestore.ErrBadImage, test.text)
			// And in a repo with something in it.
			pull(t, store, image(t, good))
			fails(t, store, repo, ref, imagestore.ErrBadImage, test.text)
			fsck(t, repo)
		})
	}
}

func TestPolicy(t *testing.T) {
	ref := image(t, gz(t, fileItem("f", "1")))
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.json")
	repo := filepath.Join(dir, "a/b/c/repo")
	store := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policy, TempDir: t.TempDir()})
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, policy)
	writeFile(t, policy, []byte(`{"default":[{"type":"reject"}]}`))
	fails(t, store, repo, ref, imagestore.ErrRejected)
	writeFile(t, policy, []byte(`{`))
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, policy)
}

// TestRoot reads everything below the root directory.
func TestRoot(t *testing.T) {
	root := t.TempDir()
	repo := filepath.Join(root, "var/lib/syscontainer/repo")
	store := imagestore.New(imagestore.Options{Repo: repo, Root: root, TempDir: t.TempDir()})
	ref := image(t, gz(t, fileItem("f", "1")))
	fails(t, store, repo, ref, imagestore.ErrNoPolicy, filepath.Join(root, "etc/containers/policy.json"))
	if err := os.MkdirAll(filepath.Join(root, "etc/containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "etc/containers/policy.json"), []byte(acceptAll))
	pull(t, store, ref)
	var outside []string
	for _, line := range listing(t, root) {
		if !strings.HasPrefix(line, "var/lib/syscontainer/repo/") && !strings.HasSuffix(line, "/") {
			outside = append(outside, line)
		}
	}
	if want := []string{"etc/containers/policy.json=" + acceptAll, "var/lib/syscontainer/repo.lock="}; !slices.Equal(outside, want) {
		t.Errorf("files besides the repo: %q", outside)
	}
}

func TestPlatform(t *testing.T) {
	l := newLayout(t)
	layer := gz(t, fileItem("f", "1"))
	index := imgspec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imgspec.MediaTypeImageIndex}
	for _, arch := range []string{"riscv64", "s390x"} {
		d := l.manifest(t, arch, layer)
		d.Platform = &imgspec.Platform{OS: "linux", Architecture: arch}
		index.Manifests = append(index.Manifests, d)
	}
	foreign := l.tag(t, "foreign", l.json(t, imgspec.MediaTypeImageIndex, index))
	single := l.tag(t, "single", l.manifest(t, "s390x", layer))
	store, repo := newStore(t)
	fails(t, store, repo, foreign, imagestore.ErrPlatform, "linux/riscv64, linux/s390x", "linux/"+runtime.GOARCH)
	fails(t, store, repo, single, imagestore.ErrPlatform, "linux/s390x")

	own := l.manifest(t, runtime.GOARCH, layer)
	own.Platform = &imgspec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	index.Manifests = append(index.Manifests, own)
	ref := l.tag(t, "mixed", l.json(t, imgspec.MediaTypeImageIndex, index))
	img := pull(t, store, ref)
	if img.Digest != own.Digest.String() {
		t.Errorf("pulled %s, want this platform's %s", img.Digest, own.Digest)
	}
	if again := pull(t, store, ref); again.Added || again.Commit != img.Commit {
		t.Errorf("pulled again: %+v", again)
	}
}

// headerOwned is a file with an impossible owner.
func headerOwned(uid int) (h tar.Header) {
	return tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644, Uid: uid}
}

// plainOf is a layer of any bytes.
func plainOf(text string) testLayer {
	return testLayer{imgspec.MediaTypeImageLayer, []byte(text), digest.FromString(text)}
}

// registry serves what handler says, and writes a registries.conf for it.
func registry(t *testing.T, handler http.HandlerFunc) (store *imagestore.Store, repo, host string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	store, repo = rooted(t, fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", host))
	return store, repo, host
}

// rooted is a store with a root directory that has this registries.conf.
func rooted(t *testing.T, registries string) (store *imagestore.Store, repo string) {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "etc/containers/policy.json"), []byte(acceptAll))
	writeFile(t, filepath.Join(root, "etc/containers/registries.conf"), []byte(registries))
	repo = filepath.Join(root, "var/lib/syscontainer/repo")
	return imagestore.New(imagestore.Options{Repo: repo, Root: root, TempDir: t.TempDir()}), repo
}

// serve answers the requests of a registry from an OCI layout.
func serve(t *testing.T, l *layout, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/v2/"+name+"/")
		kind, what, _ := strings.Cut(rest, "/")
		for _, m := range l.index.Manifests {
			if kind == "manifests" && (what == m.Digest.String() || what == m.Annotations[imgspec.AnnotationRefName]) {
				what = m.Digest.String()
				w.Header().Set("Content-Type", m.MediaType)
			}
		}
		blob, err := os.ReadFile(filepath.Join(l.dir, "blobs/sha256", strings.TrimPrefix(what, "sha256:")))
		switch {
		case r.URL.Path == "/v2/":
		case !ok || err != nil:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
		default:
			w.Write(blob)
		}
	}
}

func TestRegistry(t *testing.T) {
	l := newLayout(t)
	l.tag(t, "3.6", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1")), gz(t, fileItem("g", "2"))))
	var requests []string
	handler := serve(t, l, "library/etcd")
	store, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.URL.Path)
		handler(w, r)
	})
	name := host + "/library/etcd:3.6"
	img := pull(t, store, name)
	if want := "docker://" + name; img.Reference != want {
		t.Errorf("reference %q, want %q", img.Reference, want)
	}
	if found, err := store.Find(t.Context(), name); err != nil || found.Commit != img.Commit {
		t.Errorf("find: %+v, %v", found, err)
	}
	requests = nil
	if again := pull(t, store, "docker://"+name); again.Added {
		t.Error("the second pull added the image once more")
	}
	for _, path := range requests {
		if strings.Contains(path, "/blobs/") && !strings.Contains(path, img.Digest) && !isConfig(t, l, img, path) {
			t.Errorf("the second pull fetched %s", path)
		}
	}
	pinned := pull(t, store, host+"/library/etcd@"+img.Digest)
	if pinned.Digest != img.Digest || pinned.Reference != "docker://"+host+"/library/etcd@"+img.Digest {
		t.Errorf("pinned: %+v", pinned)
	}
	fails(t, store, repo, host+"/library/etcd:nope", imagestore.ErrUnknown, "nope")
	fails(t, store, repo, host+"/none", imagestore.ErrUnknown)
}

// isConfig tells the config's blob.
func isConfig(t *testing.T, l *layout, img imagestore.Image, path string) bool {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(l.dir, "blobs/sha256", strings.TrimPrefix(img.Digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasSuffix(path, configDigest(manifest))
}

func TestRegistryErrors(t *testing.T) {
	store, repo, host := registry(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	fails(t, store, repo, host+"/x", imagestore.ErrUnauthorized)

	store, repo, host = registry(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	fails(t, store, repo, strings.TrimPrefix(closed.URL, "http://")+"/x", imagestore.ErrUnreachable, "refused")
	fails(t, store, repo, "oci:"+filepath.Join(t.TempDir(), "absent"), imagestore.ErrUnknown)
	fails(t, store, repo, host+"/UPPER", nil)
	fails(t, store, repo, "", nil)
}

func TestShortNames(t *testing.T) {
	l := newLayout(t)
	l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", "1"))))
	server := httptest.NewServer(serve(t, l, "etcd"))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	insecure := fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", host)

	store, repo := rooted(t, "short-name-mode = \"enforcing\"\n"+insecure+fmt.Sprintf("[aliases]\n\"etcd\" = \"%s/etcd\"\n", host))
	img := pull(t, store, "etcd")
	if want := "docker://" + host + "/etcd:latest"; img.Reference != want {
		t.Errorf("reference %q, want %q", img.Reference, want)
	}
	if found, err := store.Find(t.Context(), "etcd"); err != nil || found.Commit != img.Commit {
		t.Errorf("find by short name: %+v, %v", found, err)
	}
	fails(t, store, repo, "flannel", imagestore.ErrShortName, "registries.conf", "alias")

	store, _ = rooted(t, fmt.Sprintf("unqualified-search-registries = [\"127.0.0.1:1\", %q]\n", host)+insecure)
	if img := pull(t, store, "etcd"); !strings.Contains(img.Reference, host) {
		t.Errorf("reference %q, want one of the second registry", img.Reference)
	}
	store, repo = rooted(t, fmt.Sprintf("short-name-mode = \"enforcing\"\nunqualified-search-registries = [\"127.0.0.1:1\", %q]\n", host)+insecure)
	fails(t, store, repo, "etcd", imagestore.ErrShortName, "127.0.0.1:1/etcd", "registries.conf")
}

func TestCancelledPull(t *testing.T) {
	l := newLayout(t)
	l.tag(t, "latest", l.manifest(t, runtime.GOARCH, gz(t, fileItem("f", strings.Repeat("x", 100000)))))
	handler := serve(t, l, "x")
	ctx, cancel := context.WithCancel(t.Context())
	store, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			w.Header().Set("Content-Length", "1000000")
			w.Write([]byte("\x1f\x8b"))
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
			return
		}
		handler(w, r)
	})
	if _, err := store.Pull(ctx, host+"/x"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled pull: %v", err)
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repo stayed: %v", err)
	}
}
