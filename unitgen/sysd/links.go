package sysd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// configDir is where units are enabled: by links in it and in its .wants,
// .requires and .upholds directories.
const configDir = "/etc/systemd/system"

// existing returns those of units that have a file. systemd refuses to disable
// a unit without one, or does so and complains; it depends on the version.
func existing(root string, units []string) ([]string, error) {
	var found []string
	for _, unit := range units {
		for _, dir := range []string{configDir, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
			file, err := securejoin.SecureJoin(root, path.Join(dir, unit))
			if err != nil {
				return nil, fmt.Errorf("looking for %s: %w", unit, err)
			}
			if _, err := os.Stat(file); err == nil {
				found = append(found, unit)
				break
			}
		}
	}
	return found, nil
}

// removeLinks removes the links by which units are enabled, for units whose
// files, and with them the [Install] sections, may be gone. Directories that
// become empty go too. No link is no error.
func removeLinks(root string, units []string) error {
	dir, err := securejoin.SecureJoin(root, configDir)
	if err != nil {
		return fmt.Errorf("removing the links of %s: %w", strings.Join(units, ", "), err)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing the links of %s: %w", strings.Join(units, ", "), err)
	}
	err = removeLinksIn(dir, entries, func(link, target string) bool {
		return link != target && slices.Contains(units, target) // an alias
	})
	for _, entry := range entries {
		if entry.IsDir() && isDependencyDir(entry.Name()) {
			err = errors.Join(err, removeDependencies(filepath.Join(dir, entry.Name()), units))
		}
	}
	return err
}

func isDependencyDir(name string) bool {
	return slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(name))
}

// enabledByLinks returns the units of which systemd says "enabled" because their files are
// in configDir, and another unit wants or requires them by a link there. There are other
// ways to be enabled: upheld is one, since systemd 254. What cannot be read enables nothing.
func enabledByLinks(root string) map[string]bool {
	dir := filepath.Join(root, configDir)
	entries, _ := os.ReadDir(dir)
	linked := map[string]bool{}
	for _, entry := range entries {
		if entry.IsDir() && slices.Contains([]string{".wants", ".requires"}, path.Ext(entry.Name())) {
			links, _ := os.ReadDir(filepath.Join(dir, entry.Name()))
			for _, link := range links {
				if link.Type() == fs.ModeSymlink {
					linked[link.Name()] = true
				}
			}
		}
	}
	enabled := map[string]bool{}
	for _, entry := range entries {
		if entry.Type().IsRegular() && linked[entry.Name()] {
			enabled[entry.Name()] = true
		}
	}
	return enabled
}

// removeDependencies removes the links to units from a .wants directory.
func removeDependencies(dir string, units []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading %s: %w", dir, err)
	}
	err = removeLinksIn(dir, entries, func(link, target string) bool {
		return slices.Contains(units, link) || slices.Contains(units, target)
	})
	if left, readErr := os.ReadDir(dir); readErr == nil && len(left) == 0 && len(entries) > 0 {
		err = errors.Join(err, os.Remove(dir))
	}
	return err
}

// removeLinksIn removes the symbolic links of one directory that are ours,
// judged by the link's name and the base name of what it points to.
func removeLinksIn(dir string, entries []fs.DirEntry, ours func(link, target string) bool) error {
	var errs []error
	for _, entry := range entries {
		if entry.Type() != fs.ModeSymlink {
			continue
		}
		file := filepath.Join(dir, entry.Name())
		target, err := os.Readlink(file)
		if err == nil && ours(entry.Name(), path.Base(target)) {
			err = os.Remove(file)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("removing the link %s: %w", file, err))
		}
	}
	return errors.Join(errs...)
}

// checkInside refuses a tree in which systemctl --root= would leave the root: it
// writes where symbolic links lead on this machine, also from /etc/systemd/system
// and from the directories of links in it (systemd 252 does).
func checkInside(root string) error {
	dirs := []string{configDir}
	disk, err := securejoin.SecureJoin(root, configDir)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", configDir, err)
	}
	entries, err := os.ReadDir(disk)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", disk, err)
	}
	for _, entry := range entries {
		if entry.Type() == fs.ModeSymlink && isDependencyDir(entry.Name()) {
			dirs = append(dirs, path.Join(configDir, entry.Name()))
		}
	}
	for _, dir := range dirs {
		inside, err := securejoin.SecureJoin(root, dir)
		if err != nil {
			return fmt.Errorf("resolving %s: %w", dir, err)
		}
		followed, err := securejoin.SecureJoin("/", filepath.Join(root, dir))
		if err != nil {
			return fmt.Errorf("resolving %s: %w", dir, err)
		}
		if followed != inside {
			return fmt.Errorf("%s in %s is a symbolic link that leads out of it, to %s", dir, root, followed)
		}
	}
	return nil
}
