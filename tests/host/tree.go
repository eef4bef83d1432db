package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Suite names a release of Debian.
type Suite string

// The releases that the product is tested on.
const (
	Bookworm Suite = "bookworm" // systemd 252, libostree 2022.7
	Trixie   Suite = "trixie"   // systemd 257, libostree 2025.2
)

// packages is everything a machine has besides what Debian calls essential.
func packages(more []string) []string {
	return append([]string{
		"systemd-sysv", "dbus", "runc", "crun", "libostree-1-1", "ostree", "docker-registry",
		"ca-certificates", "iproute2", "procps",
	}, more...)
}

// treeHook makes every machine's own what mmdebstrap took over from the machine it ran on, and quiet what would run
// in the background of a test.
const treeHook = `cd "$1"
rm -f etc/hostname etc/resolv.conf etc/machine-id
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
	fstrim.timer systemd-modules-load.service console-getty.service getty@.service; do
	ln -sf /dev/null "etc/systemd/system/$unit"
done
`

// buildTree returns the cached root file system of a suite, which it makes when it is not there: once, also when
// several processes ask at the same time.
func buildTree(ctx context.Context, cache string, suite Suite, more []string) (string, error) {
	include := strings.Join(packages(more), ",")
	recipe := include + "\n" + treeHook
	dir := filepath.Join(cache, "host", fmt.Sprintf("%s-%.12x", suite, sha256.Sum256([]byte(recipe))))
	return dir, makeOnce(dir, func(temporary string) error {
		return run(ctx, "mmdebstrap", "--quiet", "--variant=minbase", "--include="+include,
			"--customize-hook="+treeHook, string(suite), temporary)
	})
}

// makeOnce calls build with a name beside dir and renames what it made to dir. It does nothing when dir is there. Of
// several processes one builds and the others wait for it. After an error dir does not exist.
func makeOnce(dir string, build func(temporary string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()

	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temporary := dir + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := build(temporary); err != nil {
		return errors.Join(fmt.Errorf("making %s: %w", dir, err), os.RemoveAll(temporary))
	}
	return os.Rename(temporary, dir)
}

// lock waits for the file lock at path and returns how to give it back. The lock ends with the process, too.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
