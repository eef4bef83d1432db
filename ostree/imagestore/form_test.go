package imagestore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// TestForms: a file that is no image of its transport's form is named, with what is wrong with it, and
// read once: no second attempt makes it one.
func TestForms(t *testing.T) {
	dir := t.TempDir()
	store, repo := newStore(t)
	text := filepath.Join(dir, "text")
	writeFile(t, text, []byte("no archive\n"))
	archive := filepath.Join(dir, "archive.tar")
	if out, err := exec.Command("tar", "-cf", archive, "-C", dir, "text").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for ref, says := range map[string]string{
		"oci:" + dir:                "there is no index.json in " + dir,
		"oci-archive:" + archive:    "there is no index.json in " + archive,
		"docker-archive:" + archive: "there is no manifest.json in " + archive,
		"oci-archive:" + text:       text + " is no tar archive, or ends too early",
		"docker-archive:" + text:    text + " is no tar archive, or ends too early",
	} {
		fails(t, store, repo, ref, imagestore.ErrForm, says)
	}
	fails(t, store, repo, archive, nil, "a path needs its transport, as in oci-archive:"+archive)
	fails(t, store, repo, "oci-archive:"+filepath.Join(dir, "nothing"), imagestore.ErrUnknown)
}

// TestErrorsNameTheFilesOfTheRoot, not the copies that were made for the library.
func TestErrorsNameTheFilesOfTheRoot(t *testing.T) {
	for name, text := range map[string]string{
		"etc/containers/registries.conf.d/bad.conf": "x = [",
		"etc/containers/registries.d/bad.yaml":      "x: [",
	} {
		store, repo := rooted(t, "")
		put(t, repo, name, text)
		file := filepath.Join(rootOf(repo), name)
		do(t, os.MkdirAll(filepath.Dir(repo), 0o755))
		fails(t, store, repo, "localhost:1/x", nil, file)
	}
}
