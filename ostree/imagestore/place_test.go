package imagestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// fileDestinations are those of each transport of files below dir, some of them taken.
func fileDestinations(dir string) []string {
	return []string{
		"oci:" + dir + "/layout:tag", "oci:" + dir + "/layout:other", "oci:" + dir + "/new-layout:tag",
		"dir:" + dir + "/directory", "dir:" + dir + "/new-directory",
		"oci-archive:" + dir + "/oci.tar:tag", "oci-archive:" + dir + "/new-oci.tar:tag", "docker-archive:" + dir + "/new-docker.tar:x:y",
	}
}

// occupied is a directory in which the first of each kind of file destinations is.
func occupied(t *testing.T, dir string) (store *imagestore.Store, repo string) {
	t.Helper()
	store, repo = newStore(t)
	ref := image(t, gz(t, fileItem("before", "1")))
	pull(t, store, ref)
	for _, to := range []string{"oci:" + dir + "/layout:tag", "dir:" + dir + "/directory", "oci-archive:" + dir + "/oci.tar:tag"} {
		push(t, store, ref, to)
	}
	return store, repo
}

// noise is a layer that does not compress.
func noise(t *testing.T, size int) testLayer {
	text := make([]byte, size)
	rand.NewChaCha8([32]byte{7}).Read(text)
	return plainLayer(t, fileItem("noise", string(text)))
}

// unchanged demands that a push fails and leaves all files what they were.
func unchanged(t *testing.T, store *imagestore.Store, ref, to, dir string, want error, text string) {
	t.Helper()
	before := listing(t, dir)
	_, err := store.Push(t.Context(), ref, to)
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v, want %v", to, err, want)
	}
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("%s: %d files were there, and %d are", to, len(before), len(after))
	}
}

// TestFailedPush: a store that is damaged gives no image, and takes none away.
func TestFailedPush(t *testing.T) {
	dir := t.TempDir()
	store, repo := occupied(t, dir)
	ref := image(t, gz(t, fileItem("f", "2")), noise(t, 300<<10))
	pull(t, store, ref)
	damageLarge(t, repo)
	for _, to := range fileDestinations(dir) {
		unchanged(t, store, ref, to, dir, imagestore.ErrBadImage, "the store is damaged")
	}
}

// TestFullDiskAtPush: the error says so; what was there stays, and no space is lost.
func TestFullDiskAtPush(t *testing.T) {
	dir := scratchFS(t, 8)
	store, repo := occupied(t, dir)
	large, small := image(t, gz(t, fileItem("f", "2")), noise(t, 7<<20)), image(t, gz(t, fileItem("f", "3")))
	pull(t, store, large)
	pull(t, store, small)
	free := freeBytes(t, dir)
	for _, to := range fileDestinations(dir) {
		unchanged(t, store, large, to, dir, syscall.ENOSPC, "no space left")
	}
	if now := freeBytes(t, dir); now < free {
		t.Errorf("%d bytes were free, %d are", free, now)
	}
	for _, to := range fileDestinations(dir) {
		push(t, store, small, to)
		whole(t, to)
	}

	// The same where the temporaries are.
	elsewhere := t.TempDir()
	cramped := imagestore.New(imagestore.Options{Repo: repo, PolicyPath: policyOf(repo), TempDir: dir})
	for _, watched := range []string{dir, elsewhere} {
		unchanged(t, cramped, large, "oci-archive:"+elsewhere+"/oci.tar:tag", watched, syscall.ENOSPC, "no space left")
	}
}

func freeBytes(t *testing.T, dir string) uint64 {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Bfree * uint64(stat.Bsize)
}

// whole demands an image of which another program can read everything.
func whole(t testing.TB, ref string) {
	t.Helper()
	run(t, "skopeo", "copy", "--quiet", ref, "dir:"+t.TempDir())
}

// TestPushThatCannotEnd: the last step fails, where all has been written.
func TestPushThatCannotEnd(t *testing.T) {
	dir := scratchFS(t, 16)
	store, _ := occupied(t, dir)
	ref := image(t, gz(t, fileItem("f", "2")), noise(t, 100<<10))
	pull(t, store, ref)
	for top, to := range map[string]string{
		"layout/index.json": "oci:" + dir + "/layout:tag", "directory/manifest.json": "dir:" + dir + "/directory",
		"oci.tar": "oci-archive:" + dir + "/oci.tar:tag",
	} {
		top = filepath.Join(dir, top)
		run(t, "chattr", "+i", top)
		unchanged(t, store, ref, to, dir, syscall.EPERM, "not permitted")
		run(t, "chattr", "-i", top)
		push(t, store, ref, to)
		whole(t, to)
	}
}

// TestPushReplaces: a file keeps its owner, its mode and the links to it; a directory
// loses the image that was in it and nothing else.
func TestPushReplaces(t *testing.T) {
	dir := t.TempDir()
	store, _ := occupied(t, dir)
	ref := image(t, gz(t, fileItem("f", "2")), noise(t, 100<<10))
	pull(t, store, ref)
	archive, link := filepath.Join(dir, "oci.tar"), filepath.Join(dir, "link.tar")
	if err := errors.Join(os.Chmod(archive, 0o600), os.Chown(archive, 7, 8), os.Symlink("oci.tar", link)); err != nil {
		t.Fatal(err)
	}
	push(t, store, ref, "oci-archive:"+link+":tag")
	whole(t, "oci-archive:"+archive+":tag")
	info, err := os.Lstat(archive)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Mode != syscall.S_IFREG|0o600 || stat.Uid != 7 || stat.Gid != 8 {
		t.Errorf("the archive has mode %o and owner %d:%d", stat.Mode, stat.Uid, stat.Gid)
	}

	writeFile(t, filepath.Join(dir, "directory/signature-1"), []byte("of the image before"))
	writeFile(t, filepath.Join(dir, "directory/notes"), []byte("mine"))
	push(t, store, ref, "dir:"+dir+"/directory")
	whole(t, "dir:"+dir+"/directory")
	entries, err := os.ReadDir(filepath.Join(dir, "directory"))
	if err != nil || len(entries) != 6 { // two layers, a configuration, a manifest, the version, the notes
		t.Errorf("it has %v, %v", entries, err)
	}
}

// TestPushIntoPipe: what cannot be renamed is written to.
func TestPushIntoPipe(t *testing.T) {
	store, _ := newStore(t)
	ref := image(t, gz(t, fileItem("f", "2")))
	pull(t, store, ref)
	for _, transport := range []string{"oci-archive", "docker-archive"} {
		dir := t.TempDir()
		pipe, archive := filepath.Join(dir, "pipe"), filepath.Join(dir, "archive")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		var reader sync.WaitGroup
		reader.Go(func() {
			text, err := os.ReadFile(pipe)
			if err != nil {
				t.Error(err)
			}
			writeFile(t, archive, text)
		})
		push(t, store, ref, transport+":"+pipe)
		reader.Wait()
		whole(t, transport+":"+archive)
		if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
			t.Errorf("the pipe is %v, %v", info, err)
		}
	}
}

// TestBadDestinations: what is wrong is said before anything is done.
func TestBadDestinations(t *testing.T) {
	dir := t.TempDir()
	store, _ := occupied(t, dir)
	ref := image(t, gz(t, fileItem("f", "2")))
	pull(t, store, ref)
	push(t, store, ref, "docker-archive:"+dir+"/docker.tar")
	writeFile(t, filepath.Join(dir, "file"), []byte("mine"))
	t.Chdir(dir)
	for to, text := range map[string]string{
		"oci:": "it has no path", "oci::tag": "it has no path", "dir:": "it has no path", "oci-archive:": "it has no path", "docker-archive::x:y": "it has no path",
		"oci:" + dir + "/no/such:tag": "there is no directory " + dir + "/no", "dir:" + dir + "/no/such/": "there is no directory " + dir + "/no",
		"oci-archive:no/such.tar": "there is no directory no", "docker-archive:" + dir + "/file/x.tar": "there is no directory " + dir + "/file",
		"oci-archive:" + dir:             dir + " is a directory, where a file is wanted",
		"docker-archive:" + dir + ":x:y": dir + " is a directory, where a file is wanted",
		"oci:" + dir + "/file:tag":       dir + "/file is a file, where a directory is wanted",
		"dir:" + dir + "/file":           dir + "/file is a file, where a directory is wanted",
		"dir:" + dir:                     "neither empty nor a directory of an image",
		"docker-archive:docker.tar":      "docker.tar is there already",
		"oci:" + dir + "/layout:@0":      "index",
		"docker-daemon:x:y":              "cannot be pushed by the transport docker-daemon",
		"containers-storage:x":           "cannot be pushed by the transport containers-storage",
		"sif:x":                          "cannot be pushed by the transport sif",
	} {
		before := listing(t, dir)
		if _, err := store.Push(t.Context(), ref, to); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error %v, want one with %q", to, err, text)
		}
		if after := listing(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: %q became %q", to, before, after)
		}
	}
	if _, err := store.Pull(t.Context(), "oci:"); !errors.Is(err, imagestore.ErrNoPath) {
		t.Errorf("pulling from oci: %v", err)
	}
}

// TestPushesTogether: a layout gets all images, and anything else is one of them whole.
func TestPushesTogether(t *testing.T) {
	dir := t.TempDir()
	store, _ := newStore(t)
	var refs []string
	for i := range 4 {
		refs = append(refs, image(t, gz(t, fileItem("shared", "1")), gz(t, fileItem("own", fmt.Sprint(i)))))
		pull(t, store, refs[i])
	}
	var pushes sync.WaitGroup
	for i := range 8 {
		for _, to := range []string{fmt.Sprintf("oci:%s/layout:tag%d", dir, i), "dir:" + dir + "/directory", "oci-archive:" + dir + "/oci.tar:tag"} {
			pushes.Go(func() {
				if _, err := store.Push(t.Context(), refs[i%4], to); err != nil {
					t.Errorf("%s: %v", to, err)
				}
			})
		}
	}
	pushes.Wait()
	for i := range 8 {
		to := fmt.Sprintf("oci:%s/layout:tag%d", dir, i)
		whole(t, to)
		if configAt(t, to) != configAt(t, refs[i%4]) {
			t.Errorf("%s is another image", to)
		}
	}
	whole(t, "dir:"+dir+"/directory")
	whole(t, "oci-archive:"+dir+"/oci.tar:tag")
	onlyNamed(t, filepath.Join(dir, "layout"))
	if left, err := filepath.Glob(dir + "/*/syscontainer-scratch-*"); err != nil || left != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// onlyNamed demands that a layout has the blobs that its images have, and no others.
func onlyNamed(t *testing.T, dir string) {
	t.Helper()
	named := map[digest.Digest]bool{}
	l := layout{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err == nil {
		err = json.Unmarshal(text, &l.index)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range l.index.Manifests {
		var m imgspec.Manifest
		if err := json.Unmarshal(l.read(t, d.Digest), &m); err != nil {
			t.Fatal(err)
		}
		named[d.Digest], named[m.Config.Digest] = true, true
		for _, layer := range m.Layers {
			named[layer.Digest] = true
		}
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs/sha256"))
	if err != nil || len(blobs) != len(named) {
		t.Errorf("%d blobs are named, and there are %d, %v", len(named), len(blobs), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("it has %v, %v", entries, err)
	}
}

// damageLarge changes bytes in the first large file of a repo.
func damageLarge(t *testing.T, repo string) {
	t.Helper()
	objects, err := filepath.Glob(filepath.Join(repo, "objects/*/*.file"))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if info, err := os.Stat(object); err == nil && info.Size() > 100<<10 {
			f, err := os.OpenFile(object, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(io.NewOffsetWriter(f, 1000), "damage")
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("there is no large file")
}
