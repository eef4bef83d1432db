package imagestore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// hasty is a registry that handler plays, and a store with little patience.
func hasty(t *testing.T, stall time.Duration, handler http.HandlerFunc) (store *imagestore.Store, repo, host string) {
	t.Helper()
	_, repo, host = registry(t, handler)
	return imagestore.New(imagestore.Options{
		Repo: repo, Root: rootOf(repo), TempDir: t.TempDir(), StallTimeout: stall, RetryPause: time.Millisecond,
	}), repo, host
}

// large is an image with two layers, one of them of some size.
func large(t *testing.T) *layout {
	t.Helper()
	l := newLayout(t)
	l.tag(t, "latest", l.manifest(t, runtime.GOARCH, plainLayer(t, fileItem("a", strings.Repeat("x", 1<<20))), gz(t, fileItem("b", "2"))))
	return l
}

func mustRead(t *testing.T, l *layout, d digest.Digest) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(l.dir, "blobs/sha256", d.Encoded()))
	do(t, err)
	return data
}

// layers are the digests of the layers of the first image.
func (l *layout) layers(t *testing.T) (list []string) {
	t.Helper()
	var m imgspec.Manifest
	do(t, json.Unmarshal(mustRead(t, l, l.index.Manifests[0].Digest), &m))
	for _, layer := range m.Layers {
		list = append(list, layer.Digest.String())
	}
	return list
}

// TestStallingRegistry stalls at every step of a pull. The first time only, and
// the pull succeeds; every time, and it says so.
func TestStallingRegistry(t *testing.T) {
	l := large(t)
	handler := serve(t, l, "x")
	config := configDigest(mustRead(t, l, l.index.Manifests[0].Digest))
	for name, match := range map[string]func(path string) bool{
		"greeting": func(path string) bool { return path == "/v2/" },
		"manifest": func(path string) bool { return strings.Contains(path, "/manifests/") },
		"config":   func(path string) bool { return strings.HasSuffix(path, config) },
		"layer":    func(path string) bool { return strings.Contains(path, "/blobs/") && !strings.HasSuffix(path, config) },
		"anything": func(string) bool { return true },
	} {
		for half, how := range map[bool]string{false: "before a byte", true: "in the middle"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				var left atomic.Int32
				store, repo, host := hasty(t, 300*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
					if match(r.URL.Path) && left.Add(-1) >= 0 {
						if half {
							w.Header().Set("Content-Length", "1000")
							w.Write([]byte("{"))
							w.(http.Flusher).Flush()
						}
						<-r.Context().Done()
						return
					}
					handler(w, r)
				})
				left.Store(1)
				pull(t, store, host+"/x")
				fsck(t, repo)
				do(t, store.Remove(t.Context(), host+"/x"))
				left.Store(1000)
				if name != "greeting" || !half { // the library does not read the greeting
					fails(t, store, repo, host+"/x", imagestore.ErrStalled, "not a byte came for 300ms")
					if _, err := store.Inspect(t.Context(), host+"/x"); name != "layer" && !errors.Is(err, imagestore.ErrStalled) {
						t.Errorf("inspecting: %v", err)
					}
				}
			})
		}
	}
}

// TestSlowRegistryIsNotCut: whatever time it takes as a whole.
func TestSlowRegistryIsNotCut(t *testing.T) {
	l := large(t)
	handler := serve(t, l, "x")
	store, _, host := hasty(t, 500*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			handler(w, r)
			return
		}
		data, err := os.ReadFile(l.dir + "/blobs/sha256/" + r.URL.Path[strings.LastIndex(r.URL.Path, ":")+1:])
		if err != nil {
			t.Error(err)
		}
		for chunk := range slices.Chunk(data, 100<<10) {
			w.Write(chunk)
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	})
	begun := time.Now()
	pull(t, store, host+"/x")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("it took only %v", took)
	}
}

// TestRetries: what may pass is tried again, and only that; layers that have come
// do not come again.
func TestRetries(t *testing.T) {
	l := large(t)
	handler := serve(t, l, "x")
	for _, test := range []struct {
		status int
		retry  bool
	}{{500, true}, {502, true}, {503, true}, {504, true}, {400, false}, {401, false}, {403, false}, {404, false}, {501, false}} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			a := &asked{Handler: handler}
			var left atomic.Int32
			store, repo, host := hasty(t, 0, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/manifests/") && left.Add(-1) >= 0 {
					w.WriteHeader(test.status)
					return
				}
				a.ServeHTTP(w, r)
			})
			left.Store(3)
			if test.retry {
				pull(t, store, host+"/x")
				return
			}
			fails(t, store, repo, host+"/x", nil)
			if left.Load() != 2 {
				t.Errorf("it was asked for %d times", 3-left.Load())
			}
		})
	}
	t.Run("keeps layers", func(t *testing.T) {
		small := l.layers(t)[1]
		a := &asked{Handler: handler}
		var left atomic.Int32
		left.Store(2)
		store, _, host := hasty(t, 0, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, l.layers(t)[0]) && left.Add(-1) >= 0 {
				time.Sleep(300 * time.Millisecond) // until the other one is here
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			a.ServeHTTP(w, r)
		})
		pull(t, store, host+"/x")
		if paths := a.reset(small); len(paths) != 1 {
			t.Errorf("the layer that came was asked for %d times", len(paths))
		}
	})
}

// TestCancelledRetry: nobody waits for a pause to end.
func TestCancelledRetry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(50*time.Millisecond, cancel)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	store := imagestore.New(imagestore.Options{Repo: repo, Root: rootOf(repo), TempDir: t.TempDir(), RetryPause: time.Hour})
	if _, err := store.Pull(ctx, host+"/x"); err == nil {
		t.Error("the pull succeeded")
	}
	if _, err := os.Stat(repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repo stayed: %v", err)
	}
}
