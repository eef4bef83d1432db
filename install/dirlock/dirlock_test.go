package dirlock_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syscontainer/syscontainer/install/dirlock"
)

func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	lock, err := dirlock.Try(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Try(dir); !errors.Is(err, dirlock.ErrHeld) {
		t.Fatalf("taken twice: %v", err)
	}
	holder, known := dirlock.HolderOf(dir)
	if !known || holder.PID != os.Getpid() || !strings.Contains(holder.Command, "dirlock.test") {
		t.Errorf("the holder is %v, %v", holder, known)
	}
	if age := time.Since(holder.Since); age < -2*time.Second || age > time.Hour {
		t.Errorf("it began %v ago", age)
	}
	lock.Release()
	if holder, known := dirlock.HolderOf(dir); known {
		t.Errorf("after the release %v has it", holder)
	}
	again, err := dirlock.Try(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}

func TestADirectoryThatIsGoneIsHeld(t *testing.T) {
	if _, err := dirlock.Try(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("got %v", err)
	}
}

func TestAKilledHolderLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "flock", "--no-fork", dir, "sh", "-c", "echo; read x", "PASSWORD=secret")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has the lock
		t.Fatal(err)
	}
	holder, known := dirlock.HolderOf(dir)
	if !known || holder.PID != cmd.Process.Pid || !strings.HasSuffix(holder.Command, `"echo; read x" PASSWORD=…`) {
		t.Errorf("the holder is %v, %v", holder, known)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if holder, known := dirlock.HolderOf(dir); known {
		t.Errorf("after its death %v has it", holder)
	}
	lock, err := dirlock.Try(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
}
