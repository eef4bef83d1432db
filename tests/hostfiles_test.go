package tests_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/tests/host/hosttest"
	"github.com/syscontainer/syscontainer/tests/ociimage"
)

// manyHostFiles is how many files an image puts onto the host.
func manyHostFiles() int {
	if hosttest.Long() {
		return 12000
	}
	return 1200
}

// TestThousandsOfHostFiles: they come, change and go, on a file system where they can be links to the repo and on one
// where they cannot.
func TestThousandsOfHostFiles(t *testing.T) {
	files := ociimage.Files{"exports/manifest.json": `{"noContainerService": true}`}
	for i := range manyHostFiles() {
		files[fmt.Sprintf("exports/hostfs/usr/%s/many/d%d/f%d", []string{"share", "local"}[i%2], i%97, i)] = fmt.Sprintln("file", i)
	}
	dir := t.TempDir()
	writeImage(t, filepath.Join(dir, "many"), files)
	files["exports/hostfs/usr/share/many/d0/f0"] = "changed\n"
	writeImage(t, filepath.Join(dir, "many2"), files)
	m := machineWith(t, map[string]string{shared: dir})
	m.Must("mount", "-t", "tmpfs", "none", "/usr/local")

	m.Must("syscontainer", "install", "--system", "oci:"+shared+"/many")
	count := func(where string) string { return m.Must("sh", "-c", "find "+where+" -type f 2>/dev/null | wc -l") }
	hosttest.SameText(t, "files", count("/usr/share/many /usr/local/many"), fmt.Sprint(manyHostFiles()))
	hosttest.SameText(t, "files that are links", count("/usr/share/many /usr/local/many -links +1"), fmt.Sprint(manyHostFiles()/2))
	hosttest.SameText(t, "verify", m.Must("syscontainer", "verify", "many"), "many, deployment 1 (current): ok")
	m.Must("syscontainer", "update", "--rebase", "oci:"+shared+"/many2", "many")
	hosttest.SameText(t, "the one that changed", m.Must("cat", "/usr/share/many/d0/f0"), "changed")
	hosttest.SameText(t, "files", count("/usr/share/many /usr/local/many"), fmt.Sprint(manyHostFiles()))
	m.Must("syscontainer", "uninstall", "many")
	hosttest.SameText(t, "what is left", m.Must("sh", "-c", "ls -A /usr/local; ls -d /usr/share/many 2>/dev/null || true"), "")
	m.Must("umount", "/usr/local")
}
