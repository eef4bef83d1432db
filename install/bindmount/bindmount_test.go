package bindmount

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestParse(t *testing.T) {
	got := parse("22 1 0:20 / / rw shared:1 - ext4 /dev/vda rw\n30 22 0:21 /a /mnt/a\\040b\\134c ro - ext4 /dev/vda rw\nshort\n")
	if want := []string{"/", `/mnt/a b\c`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// It needs root, as all of the product does.
func TestBindIsReadOnly(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	var system System
	if err := system.Bind(source, target); err != nil {
		if os.Getuid() != 0 && errors.Is(err, syscall.EPERM) {
			return // refused, as it should be
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(target, syscall.MNT_DETACH) })
	if mounted, err := system.Mounted(); err != nil || !slices.Contains(mounted, target) {
		t.Errorf("it is not in the list: %v", err)
	}
	if err := os.WriteFile(filepath.Join(target, "f"), nil, 0o644); !errors.Is(err, syscall.EROFS) {
		t.Errorf("writing: %v", err)
	}
	f, err := os.Open(filepath.Join(target, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := system.Unmount(target); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("unmounting what is in use: %v", err)
	}
	f.Close()
	if err := system.Unmount(target); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(source, "f"), nil, 0o644); err != nil {
		t.Errorf("the source became read-only: %v", err)
	}
}
