package vm_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/syscontainer/syscontainer/tests/vm"
)

const blocks = 100

// filled is a disk of as many blocks, in each of which is its number.
func filled(t *testing.T) *vm.Disk {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	var text []byte
	for n := range blocks {
		text = append(text, bytes.Repeat([]byte{byte(n)}, 4096)...)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	disk, err := vm.OpenDisk(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return disk
}

// count is in how many blocks nothing but the byte is, from the first to the last byte of the disk.
func count(t *testing.T, disk *vm.Disk, b byte) int {
	t.Helper()
	all := make([]byte, blocks*4096)
	if _, err := disk.ReadAt(all, 0); err != nil {
		t.Fatal(err)
	}
	found := 0
	for n := range blocks {
		if bytes.Equal(all[n*4096:(n+1)*4096], bytes.Repeat([]byte{b}, 4096)) {
			found++
		}
	}
	return found
}

func overwrite(t *testing.T, disk *vm.Disk, b byte) {
	t.Helper()
	if _, err := disk.WriteAt(bytes.Repeat([]byte{b}, blocks*4096), 0); err != nil {
		t.Fatal(err)
	}
}

func TestACutLosesWhatWasNotFlushed(t *testing.T) {
	disk := filled(t)
	overwrite(t, disk, 200)
	if n := count(t, disk, 200); n != blocks {
		t.Errorf("of %d blocks %d are read as written", blocks, n)
	}
	if err := disk.Flush(); err != nil {
		t.Fatal(err)
	}
	if cached, lost := disk.Cut(); cached != 0 || lost != 0 || count(t, disk, 200) != blocks {
		t.Errorf("after a flush %d blocks are cached, %d lost", cached, lost)
	}
	overwrite(t, disk, 201)
	cached, lost := disk.Cut()
	if cached != blocks || lost == 0 || lost == blocks {
		t.Errorf("of %d blocks %d were lost", cached, lost)
	}
	if old, fresh := count(t, disk, 200), count(t, disk, 201); old != lost || fresh != blocks-lost {
		t.Errorf("%d blocks are old and %d new, where %d were lost", old, fresh, lost)
	}
}

func TestPartsOfBlocks(t *testing.T) {
	disk := filled(t)
	if _, err := disk.WriteAt([]byte("across"), 4096-3); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	if _, err := disk.ReadAt(got, 4096-5); err != nil || string(got) != "\x00\x00across\x01\x01" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestADiskStandsStill(t *testing.T) {
	disk := filled(t)
	still := disk.StopAfter(2)
	overwrite(t, disk, 200)
	select {
	case <-still:
		t.Error("it stands still after one write")
	default:
	}
	overwrite(t, disk, 201)
	<-still
	if _, err := disk.WriteAt([]byte("x"), 0); err == nil || disk.Flush() == nil {
		t.Error("a disk that stands still is written to")
	}
	if cached, lost := disk.Cut(); cached != blocks || lost == 0 {
		t.Errorf("of %d blocks %d were lost", cached, lost)
	}
	overwrite(t, disk, 202)
}
