package host

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Snapshot is what there is on a machine's disk: a line for each path that says everything but the times.
type Snapshot map[string]string

// volatile are the paths that change on a machine that does nothing.
func volatile() []string {
	return []string{
		"/dev", "/proc", "/run", "/sys", "/tmp", // not on the disk of a running machine
		"/etc/.updated", "/etc/mtab", "/var/.updated",
		"/var/cache/ldconfig",
		"/var/lib/systemd", "/var/lib/dbus", "/var/lib/private",
		"/var/log/journal", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/private",
		"/var/lib/docker-registry", "/var/cache/private", "/var/tmp",
	}
}

// Snapshot records the machine's disk, but not what the paths in except and below them are.
func (r *Root) Snapshot(except ...string) (Snapshot, error) {
	except = append(volatile(), except...)
	s := Snapshot{}
	err := filepath.WalkDir(r.Dir, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, r.Dir)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed while we looked
			return nil
		case err != nil:
			return err
		case name == "":
			return nil
		case slices.Contains(except, name) && entry.IsDir():
			return fs.SkipDir
		case slices.Contains(except, name):
			return nil
		}
		s[name], err = r.describe(path, name)
		return err
	})
	return s, err
}

func (r *Root) describe(path, name string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("no owner of %s is known", path)
	}
	line := fmt.Sprintf("%v %d:%d", info.Mode(), stat.Uid, stat.Gid)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return line + " -> " + target, err
	case info.Mode().IsRegular():
		sum, err := r.checksum(name)
		return fmt.Sprintf("%s %d %s", line, info.Size(), sum), err
	}
	return line, nil
}

// checksum reads only what was written to: the layers below do not change.
func (r *Root) checksum(name string) (string, error) {
	written, err := digest(filepath.Join(r.upper, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "as delivered", nil
	}
	for _, dir := range r.lower {
		delivered, err := digest(filepath.Join(dir, name))
		if err == nil && delivered == written {
			return "as delivered", nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break // this layer hides those below it
		}
	}
	return written, err
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

// Diff says what changed from s to after: one line for each path, sorted by path, none when nothing did.
func (s Snapshot) Diff(after Snapshot) []string {
	paths := slices.Sorted(maps.Keys(s))
	for path := range after {
		if _, found := s[path]; !found {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	var lines []string
	for _, path := range paths {
		before, wasThere := s[path]
		now, isThere := after[path]
		switch {
		case !isThere:
			lines = append(lines, path+": gone: "+before)
		case !wasThere:
			lines = append(lines, path+": new: "+now)
		case now != before:
			lines = append(lines, path+": changed: "+before+"  =>  "+now)
		}
	}
	return lines
}
