package install

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
)

// dataOf lists the directories in which a container keeps its data: what the tmpfiles.d
// files of its deployments make in the directory that is the container's own. What is
// the host's as well, and what somebody has put a link in the place of, or check refuses for
// another reason, is not among them, and a warning.
func (in *Installer) dataOf(name string, numbers []int, check dataCheck) (dirs, warnings []string) {
	owns := map[string]string{} // directory -> the container's own one above it
	found := &deployment.Record{}
	for _, n := range numbers {
		record, err := in.readRecord(name, n)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("what deployment %d kept is not known: %v", n, err))
			continue
		}
		for _, dir := range in.dataPaths(record) {
			owns[dir] = record.Data
		}
		found.Found = append(found.Found, record.Found...)
	}
	others, err := in.recordsOfOthers(name)
	if err != nil {
		return []string{}, append(warnings, fmt.Sprintf("nothing is purged: %v", err))
	}
	dirs = []string{}
	for _, dir := range slices.Sorted(maps.Keys(owns)) {
		_, there := in.linkOnTheWay(owns[dir], dir)
		if !there || slices.ContainsFunc(dirs, func(above string) bool { return deployment.IsWithin(dir, above) }) {
			continue
		}
		if found.Keeps(dir) {
			warnings = append(warnings, fmt.Sprintf("%s is not purged: something was there before the container", dir))
			continue
		}
		if err := check(owns[dir], dir, others); err != nil {
			warnings = append(warnings, fmt.Sprintf("%s is not purged: %v", dir, err))
			continue
		}
		dirs = append(dirs, dir)
	}
	return dirs, warnings
}

// dataPaths are DataPaths of a deployment that is there.
func (in *Installer) dataPaths(r *deployment.Record) []string {
	text, err := in.staged(r)(deployment.HostFile{Source: deployment.TmpfilesFile})
	if err != nil {
		return nil // it makes nothing
	}
	return r.DataPaths(text)
}

// dataCheck refuses a directory below a container's own one.
type dataCheck func(own, dir string, others []*deployment.Record) error

// checkData refuses a directory whose content is not the container's alone.
func (in *Installer) checkData(own, dir string, others []*deployment.Record) error {
	if err := in.checkShared(own, others); err != nil {
		return err
	}
	if link, _ := in.linkOnTheWay(own, dir); link != "" {
		return fmt.Errorf("%s is a symbolic link", link)
	}
	return nil
}

// checkPurge also refuses one that cannot be removed with all that is in it.
func (in *Installer) checkPurge(own, dir string, others []*deployment.Record) error {
	if err := in.checkData(own, dir, others); err != nil {
		return err
	}
	disk, err := in.Tree.Path(dir)
	if err != nil {
		return err
	}
	mounted, err := in.Mounter.Mounted()
	if err != nil {
		return err
	}
	for _, at := range mounted {
		if deployment.IsWithin(at, disk) {
			return fmt.Errorf("something is mounted at %s", at)
		}
	}
	return nil
}

// checkShared refuses a container's own directory that others use as well: what a
// container is called, and its STATE_DIRECTORY, can make that any directory there is.
func (in *Installer) checkShared(own string, others []*deployment.Record) error {
	if deployment.IsWithin(own, in.Paths.State) || deployment.IsWithin(in.Paths.State, own) {
		return fmt.Errorf("syscontainer's own state is in %s", in.Paths.State)
	}
	isSystems := func(dir string) bool { return deployment.IsWithin(own, dir) }
	if above := path.Dir(own); above == "/" || above == "/var" || slices.ContainsFunc(systemDirs(), isSystems) {
		return fmt.Errorf("%s is a directory of the host's", own)
	}
	for _, other := range others {
		if deployment.IsWithin(other.Data, own) {
			return fmt.Errorf("the data of %s is in %s", other.Name, other.Data)
		}
	}
	return nil
}

// systemDirs are directories in which nothing is a container's data, see
// file-hierarchy(7).
func systemDirs() []string {
	return []string{"/boot", "/dev", "/efi", "/etc", "/proc", "/run", "/sys", "/usr"}
}

// linkOnTheWay returns the symbolic link that a path passes from a directory above it
// on, "" where there is none, and whether the path leads to anything.
func (in *Installer) linkOnTheWay(above, p string) (link string, there bool) {
	for dir := above; ; {
		info, err := in.Tree.Lstat(dir)
		if err != nil {
			return "", false
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return dir, true
		}
		if dir == p {
			return "", true
		}
		next, _, _ := strings.Cut(strings.TrimPrefix(p, dir+"/"), "/")
		dir = path.Join(dir, next)
	}
}

// purge removes directories that dataOf lists with all that is in them, and those of
// the container above that are empty then. It looks for links and mounts once more: until
// now the service could put one there. It can be repeated, and the records must be there.
func (in *Installer) purge(name string, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	records, err := in.readableRecords(name) // of the others, dataOf took nothing
	if err != nil {
		return err
	}
	others, err := in.recordsOfOthers(name)
	if err != nil {
		return err
	}
	for _, record := range records {
		for _, dir := range dirs {
			if !deployment.IsWithin(dir, record.Data) {
				continue
			}
			if err := in.purgeBelow(record, dir, others); err != nil {
				return err
			}
		}
	}
	return nil
}

// purgeBelow removes a directory, and those above it up to the container's own that are
// empty then.
func (in *Installer) purgeBelow(record *deployment.Record, dir string, others []*deployment.Record) error {
	if err := in.checkPurge(record.Data, dir, others); err != nil {
		return hint.Add(fmt.Errorf("removing %s: %w", dir, err), "look at what is there, take it away, and repeat the command")
	}
	if err := in.Tree.RemoveAll(dir); err != nil {
		return err
	}
	for dir != record.Data {
		if dir = path.Dir(dir); record.Keeps(dir) {
			return nil
		}
		if err := in.Tree.RemoveIfEmpty(dir); err != nil {
			return err
		}
	}
	return nil
}
