package hosttree_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syscontainer/syscontainer/install/hosttree"
)

// open returns a tree whose root has a way out: links that lead to outside.
func open(t *testing.T) (tree *hosttree.Tree, root, outside string) {
	t.Helper()
	base := t.TempDir()
	root, outside = filepath.Join(base, "root"), filepath.Join(base, "outside")
	for _, dir := range []string{root, outside, filepath.Join(root, "real"), filepath.Join(root, "etc")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"absolute": outside,
		"upwards":  "../../outside",
		"usual":    "/real",
		"loop":     "loop",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := hosttree.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree, root, outside
}

func TestNothingLeavesTheRoot(t *testing.T) {
	for _, p := range []string{"/absolute/x", "/upwards/x", "../outside/x", "/../../outside/x", "/etc/../../outside/x"} {
		t.Run(p, func(t *testing.T) {
			tree, root, outside := open(t)
			disk, err := tree.Path(p)
			if err != nil || !strings.HasPrefix(disk, root+"/") {
				t.Fatalf("Path gives %q, %v", disk, err)
			}
			// Whether the directory can be made below the root or not: outside stays empty.
			if _, err := tree.MkdirAll(filepath.Dir(p), 0o755); err == nil {
				if err := tree.WriteFile(p, []byte("x"), 0o600); err != nil {
					t.Error(err)
				}
			}
			if err := tree.RemoveAll(p); err != nil {
				t.Error(err)
			}
			if entries, _ := os.ReadDir(outside); len(entries) > 0 {
				t.Errorf("written outside of the root: %v", entries)
			}
		})
	}
}

func TestLinksAboveAreFollowedAsTheHostDoes(t *testing.T) {
	tree, root, _ := open(t)
	if err := tree.WriteFile("/usual/file", []byte("x"), 0o640); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(root, "real/file"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o640 {
		t.Errorf("the mode is %v", info.Mode())
	}
}

func TestRemoveDoesNotFollow(t *testing.T) {
	tree, root, outside := open(t)
	if err := os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tree.RemoveAll("/absolute"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(root, "absolute")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(outside, "kept")); err != nil {
		t.Error(err)
	}
}

func TestCopyInKeepsWhatAFileHas(t *testing.T) {
	tree, root, outside := open(t)
	source := filepath.Join(outside, "source")
	if err := os.WriteFile(source, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setxattr(source, "user.note", []byte("kept"), 0); err != nil {
		t.Fatal(err)
	}
	meta := hosttree.Meta{Mode: 0o755 | fs.ModeSetuid, UID: os.Getuid(), GID: os.Getgid(), Xattrs: source}
	batch := tree.Batch()
	if err := errors.Join(batch.CopyIn(source, "/etc/copy", meta), batch.Commit()); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(root, "etc/copy")
	info, err := os.Lstat(target)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != meta.Mode {
		t.Errorf("the mode is %v, want %v", info.Mode(), meta.Mode)
	}
	value := make([]byte, 16)
	n, err := syscall.Getxattr(target, "user.note", value)
	if err != nil || string(value[:n]) != "kept" {
		t.Errorf("the extended attribute is %q, %v", value[:max(n, 0)], err)
	}
}

func TestReplacingLeavesNoTemporaryFile(t *testing.T) {
	tree, root, _ := open(t)
	long := strings.Repeat("n", 255)
	for _, write := range []func() error{
		func() error { return tree.WriteFile("/etc/a", []byte("1"), 0o600) },
		func() error { return tree.WriteFile("/etc/a", []byte("2"), 0o600) },
		func() error { return tree.WriteFile("/etc/"+long, nil, 0o600) },
		func() error { return tree.Symlink("target", "/etc/b", os.Getuid(), os.Getgid()) },
		func() error { return tree.Symlink("other", "/etc/b", os.Getuid(), os.Getgid()) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []func() error{
		func() error { return tree.WriteFile("/nowhere/d", nil, 0o600) },
		func() error { return tree.WriteFile("/loop/d", nil, 0o600) },
	} {
		if err := wrong(); err == nil {
			t.Error("no error")
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, "etc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), hosttree.TempPrefix) || entry.Name() == "d" {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
	if len(entries) != 3 {
		t.Errorf("got %v", entries)
	}
}

func TestMkdirAllTellsWhatItMade(t *testing.T) {
	tree, _, _ := open(t)
	made, err := tree.MkdirAll("/etc/a/b", 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(made, " "); got != "/etc/a /etc/a/b" {
		t.Errorf("made %s", got)
	}
	if err := tree.WriteFile("/etc/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.MkdirAll("/etc/file/x", 0o700); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("below a file: %v", err)
	}
}

func TestRemoveIfEmpty(t *testing.T) {
	tree, root, _ := open(t)
	if err := tree.WriteFile("/etc/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/etc", "/etc/x", "/none", "/real"} {
		if err := tree.RemoveIfEmpty(p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "etc/x")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(root, "real")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the empty directory is still there")
	}
}

// It needs root, as all of the product does.
func TestRemoveIfEmptyOnAReadOnlyFileSystem(t *testing.T) {
	tree, root, _ := open(t)
	if err := tree.WriteFile("/etc/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
		if os.Getuid() != 0 && errors.Is(err, unix.EPERM) {
			return
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	if err := unix.Mount("", root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/etc", "/none"} {
		if err := tree.RemoveIfEmpty(p); err != nil {
			t.Errorf("%s, which is not to be removed: %v", p, err)
		}
	}
	if err := tree.RemoveIfEmpty("/real"); !errors.Is(err, unix.EROFS) {
		t.Errorf("removing an empty directory: %v", err)
	}
}

// trees are one and the same directory twice: as a root, and in the host's own tree.
func trees(t *testing.T) (root string, paths map[*hosttree.Tree]string) {
	t.Helper()
	root = t.TempDir()
	paths = map[*hosttree.Tree]string{}
	for top, prefix := range map[string]string{root: "/", "/": root + "/"} {
		tree, err := hosttree.Open(top)
		if err != nil {
			t.Fatal(err)
		}
		paths[tree] = prefix
	}
	return root, paths
}

func TestReadFileReadsNothingButFiles(t *testing.T) {
	root, paths := trees(t)
	for name, err := range map[string]error{
		"pipe":  syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600),
		"dir":   os.Mkdir(filepath.Join(root, "dir"), 0o700),
		"link":  os.Symlink("pipe", filepath.Join(root, "link")),
		"null":  syscall.Mknod(filepath.Join(root, "null"), syscall.S_IFCHR|0o600, 1<<8|3),
		"large": errors.Join(os.WriteFile(filepath.Join(root, "large"), nil, 0o600), os.Truncate(filepath.Join(root, "large"), hosttree.MaxRead+1)),
	} {
		if err != nil {
			t.Fatal(err)
		}
		want := hosttree.ErrNotRegular
		if name == "large" {
			want = hosttree.ErrTooLarge
		}
		for tree, prefix := range paths {
			if _, err := tree.ReadFile(prefix + name); !errors.Is(err, want) {
				t.Errorf("%s: got error %v", name, err)
			}
		}
	}
	socket, err := net.Listen("unix", filepath.Join(root, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for tree, prefix := range paths {
		if _, err := tree.ReadFile(prefix + "socket"); !errors.Is(err, hosttree.ErrNotRegular) {
			t.Errorf("socket: got error %v", err)
		}
		for _, name := range []string{"pipe", "link", "socket"} { // a link is not followed
			if _, err := tree.SHA256(prefix+name, 0); !errors.Is(err, hosttree.ErrNotRegular) {
				t.Errorf("SHA256 of %s: got error %v", name, err)
			}
		}
		if _, err := tree.SHA256(prefix+"large", hosttree.MaxRead); !errors.Is(err, hosttree.ErrTooLarge) {
			t.Errorf("got error %v", err)
		}
	}
}

// What is looked at through links is the same in the host's own tree, where the kernel
// follows them.
func TestLookingFollowsLinks(t *testing.T) {
	root, paths := trees(t)
	for _, err := range []error{
		os.Mkdir(filepath.Join(root, "dir"), 0o700),
		os.WriteFile(filepath.Join(root, "dir/file"), []byte("content"), 0o600),
		os.Symlink("dir", filepath.Join(root, "above")),
		os.Symlink("../above/file", filepath.Join(root, "dir/link")),
		os.Symlink("nothing", filepath.Join(root, "dangling")),
		os.Symlink("loop", filepath.Join(root, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for tree, prefix := range paths {
		if data, err := tree.ReadFile(prefix + "above/link"); err != nil || string(data) != "content" {
			t.Errorf("ReadFile gives %q, %v", data, err)
		}
		if info, err := tree.Stat(prefix + "above/link"); err != nil || !info.Mode().IsRegular() {
			t.Errorf("Stat gives %v, %v", info, err)
		}
		if info, err := tree.Lstat(prefix + "above/link"); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("Lstat gives %v, %v", info, err)
		}
		if target, err := tree.Readlink(prefix + "above/link"); err != nil || target != "../above/file" {
			t.Errorf("Readlink gives %q, %v", target, err)
		}
		if list, err := tree.ReadDir(prefix + "above"); err != nil || len(list) != 2 || list[0].Name() != "file" {
			t.Errorf("ReadDir gives %v, %v", list, err)
		}
		if list, err := tree.ReadDir(prefix + "dangling"); err != nil || len(list) != 0 {
			t.Errorf("ReadDir of nothing gives %v, %v", list, err)
		}
		if _, err := tree.Stat(prefix + "dangling"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of nothing gives %v", err)
		}
		if _, err := tree.Stat(prefix + "loop/x"); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("Stat of a loop gives %v", err)
		}
	}
}

func TestOpenRefusesWhatIsNoDirectory(t *testing.T) {
	_, root, _ := open(t)
	if _, err := hosttree.Open(filepath.Join(root, "none")); err == nil {
		t.Error("opened a root that does not exist")
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hosttree.Open(file); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("opened a file: %v", err)
	}
}

func TestSweepRemovesLeftoversOfOneFile(t *testing.T) {
	tree, root, _ := open(t)
	for _, name := range []string{
		hosttree.TempPrefix + "a.ABCDEFGHIJKL", // of /etc/a
		hosttree.TempPrefix + "a.b.ABCDEFGHIJKL", hosttree.TempPrefix + "b.ABCDEFGHIJKL", "a",
	} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Sweep("/etc/a", "/none/a", "/etc/a/below"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "etc"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("left: %v", entries)
	}
}
