package ostree_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/ostree"
)

// Refs are listed while others write some: libostree's own listing trips over the
// files that these are at first.
func TestRefsAreListedWhileSomeAreWritten(t *testing.T) {
	repo := newRepo(t)
	commit := commitTree(t, repo, "a/0")
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		other, err := ostree.Open(t.Context(), repo.Path())
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			name := fmt.Sprintf("a/%d", n%3)
			if err := other.SetRef(t.Context(), name, commit); err != nil {
				t.Error(err)
			}
			if err := other.DeleteRef(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
	})
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		refs, err := repo.Refs(t.Context(), "")
		if err != nil {
			t.Error(err)
		}
		for name := range refs {
			if name != "a/0" && name != "a/1" && name != "a/2" {
				t.Errorf("there is a ref %q", name)
			}
		}
	}
	close(stop)
	writer.Wait()
}
