package imagestore_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestFileSources: what another program wrote, in each of the formats of files.
func TestFileSources(t *testing.T) {
	l := newLayout(t)
	for n, tag := range []string{"one", "two"} {
		l.tag(t, tag, l.manifest(t, runtime.GOARCH, gz(t, fileItem("shared", "1")), gz(t, fileItem("own", fmt.Sprint(n)), fileItem(".wh.shared", ""))))
	}
	dir := t.TempDir()
	sources := map[string]string{ // the last file tells which image it is
		"oci:" + l.dir + ":one": "0", "oci:" + l.dir + ":two": "1", "oci:" + l.dir + ":@1": "1",
		"oci-archive:" + dir + "/oci.tar:tag": "0", "oci-archive:" + dir + "/oci.tar": "0",
		"docker-archive:" + dir + "/docker.tar:localhost/x:two": "1", "docker-archive:" + dir + "/docker.tar": "1", "docker-archive:" + dir + "/docker.tar:@0": "1",
		"dir:" + dir + "/dir": "0",
	}
	run(t, "skopeo", "copy", "--quiet", "oci:"+l.dir+":one", "oci-archive:"+dir+"/oci.tar:tag")
	run(t, "skopeo", "copy", "--quiet", "oci:"+l.dir+":two", "docker-archive:"+dir+"/docker.tar:localhost/x:two")
	run(t, "skopeo", "copy", "--quiet", "oci:"+l.dir+":one", "dir:"+dir+"/dir")
	run(t, "gzip", "--keep", dir+"/docker.tar")
	sources["docker-archive:"+dir+"/docker.tar.gz"] = "1"
	for ref, own := range sources {
		t.Run(strings.ReplaceAll(ref, "/", "|"), func(t *testing.T) {
			store, repo := newStore(t)
			img := pull(t, store, ref)
			if got := listing(t, checkout(t, store, repo, img)); !slices.Equal(got, []string{"own=" + own}) {
				t.Errorf("the checkout has %q", got)
			}
			fsck(t, repo)
			if again := pull(t, store, ref); again.Added || again.Commit != img.Commit {
				t.Errorf("again: %+v", again)
			}
			if err := store.Remove(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	store, repo := newStore(t)
	for _, ref := range []string{
		"oci:" + l.dir + ":none", "oci:" + dir + "/none:x", "oci-archive:" + dir + "/none.tar", "docker-archive:" + dir + "/none.tar",
		"dir:" + dir + "/none", "oci-archive:" + dir + "/oci.tar:none",
		"docker-archive:" + dir + "/docker.tar:localhost/x:none",
	} {
		fails(t, store, repo, ref, imagestore.ErrUnknown)
	}
	fails(t, store, repo, "oci:"+l.dir, nil) // which of the two?
	fails(t, store, repo, "oci-archive:"+dir+"/docker.tar", nil)
	fails(t, store, repo, "docker-archive:"+dir+"/oci.tar", nil)
	fails(t, store, repo, "dir:"+dir, nil)
}
