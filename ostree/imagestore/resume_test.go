package imagestore_test

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestLateRefusalLeavesNothing: a layer has long become part of the repo when the
// image turns out to be none.
func TestLateRefusalLeavesNothing(t *testing.T) {
	l := newLayout(t)
	good, late := gz(t, fileItem("f", "1")), gz(t, fileItem("g", "2"))
	bad := late
	bad.diffID = digest.FromString("something else")
	l.tag(t, "bad", l.manifest(t, runtime.GOARCH, good, bad))
	l.tag(t, "good", l.manifest(t, runtime.GOARCH, good))
	handler := serve(t, l, "x")
	store, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, digest.FromBytes(late.blob).Encoded()) {
			time.Sleep(time.Second)
		}
		handler(w, r)
	})
	fails(t, store, repo, host+"/x:bad", imagestore.ErrBadImage)
	pull(t, store, host+"/x:good")
	fails(t, store, repo, host+"/x:bad", imagestore.ErrBadImage)
	fsck(t, repo)
}

// TestRefusalTakesNothingFromOthers: while a pull is refused, another one has found
// its layer and builds on it.
func TestRefusalTakesNothingFromOthers(t *testing.T) {
	l := newLayout(t)
	shared, slow, slower := gz(t, fileItem("f", "1")), gz(t, fileItem("g", "2")), gz(t, fileItem("h", "3"))
	bad := slow
	bad.diffID = digest.FromString("something else")
	l.tag(t, "bad", l.manifest(t, runtime.GOARCH, shared, bad))
	l.tag(t, "good", l.manifest(t, runtime.GOARCH, shared, slower))
	handler := serve(t, l, "x")
	var mu sync.Mutex
	asked := 0 // for the shared layer
	found := make(chan struct{})
	store, repo, host := registry(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, digest.FromBytes(shared.blob).Encoded()):
			mu.Lock()
			asked++
			mu.Unlock()
		case strings.HasSuffix(r.URL.Path, digest.FromBytes(slow.blob).Encoded()):
			<-found // the other pull has come to its own layer
		case strings.HasSuffix(r.URL.Path, digest.FromBytes(slower.blob).Encoded()):
			close(found)
			time.Sleep(500 * time.Millisecond)
		}
		handler(w, r)
	})
	refused := make(chan error)
	go func() {
		_, err := store.Pull(t.Context(), host+"/x:bad")
		refused <- err
	}()
	time.Sleep(time.Second) // the shared layer is part of the repo
	img := pull(t, store, host+"/x:good")
	if err := <-refused; err == nil {
		t.Error("the bad image was pulled")
	}
	if list := listing(t, checkout(t, store, repo, img)); len(list) != 2 || asked != 1 {
		t.Errorf("the image has %q, the shared layer was asked for %d times", list, asked)
	}
	fsck(t, repo)
}
