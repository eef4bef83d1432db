package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/install/hint"
	"github.com/syscontainer/syscontainer/install/hosttree"
	"github.com/syscontainer/syscontainer/unitgen"
)

// containerNames lists the containers that have anything at all in the state
// directory, sorted.
func (in *Installer) containerNames() ([]string, error) {
	entries, err := in.Tree.ReadDir(in.Paths.Containers())
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	names := []string{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), hosttree.TempPrefix) && in.isDirectory(entry) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// isDirectory reports whether an entry of the containers' directory is one, or leads to
// one that somebody moved to another disk.
func (in *Installer) isDirectory(entry fs.DirEntry) bool {
	if entry.Type() != fs.ModeSymlink {
		return entry.IsDir()
	}
	info, err := in.Tree.Stat(path.Join(in.Paths.Containers(), entry.Name()))
	return err == nil && info.IsDir()
}

// deploymentNumbers lists the complete deployments of a container, in order.
func (in *Installer) deploymentNumbers(name string) ([]int, error) {
	entries, err := in.Tree.ReadDir(in.Paths.Deployments(name))
	if err != nil {
		return nil, fmt.Errorf("listing the deployments of %s: %w", name, err)
	}
	numbers := []int{}
	for _, entry := range entries {
		if n, err := parseNumber(entry.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// writeState writes a file of a container's directory.
func (in *Installer) writeState(file string, data []byte) error {
	return in.overwrite(file, data, recordPerm)
}

// overwrite writes a file, also where something has put a directory in its place.
func (in *Installer) overwrite(file string, data []byte, perm fs.FileMode) error {
	if err := in.removeDirectory(file); err != nil {
		return err
	}
	return in.Tree.WriteFile(file, data, perm)
}

// removeDirectory removes a directory that something has put in the place of what is none.
func (in *Installer) removeDirectory(p string) error {
	if info, err := in.Tree.Lstat(p); err != nil || !info.IsDir() {
		return nil //nolint:nilerr // whoever needs the place tells why it cannot be had
	}
	return in.Tree.RemoveAll(p)
}

// lastNumber is the highest number that a deployment can have. Whatever disk says that
// there was one is damaged if it says more.
const lastNumber = 1<<31 - 1

// parseNumber reads the number of a deployment as its directory is called.
func parseNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > lastNumber || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("%q is not the number of a deployment", text)
	}
	return n, nil
}

// checkNumbers refuses numbers from disk that no deployment can have; 0 is none.
func checkNumbers(numbers ...int) error {
	for _, n := range numbers {
		if n < 0 || n > lastNumber {
			return fmt.Errorf("%d is not the number of a deployment", n)
		}
	}
	return nil
}

func (in *Installer) lastDeployment(name string) (int, error) {
	numbers, err := in.deploymentNumbers(name)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return numbers[len(numbers)-1], nil
}

// currentRecord returns the record of the deployment that the host is converged
// to; ErrNotInstalled where there is none.
func (in *Installer) currentRecord(name string) (*deployment.Record, error) {
	n, err := in.currentNumber(name)
	if err != nil {
		return nil, err
	}
	return in.readRecord(name, n)
}

// currentHead is currentRecord for who needs no more than its head. The kernel follows the
// link, whose number is not compared with the record's: that would be a look more for each
// container of a list.
func (in *Installer) currentHead(name string) (deployment.Head, error) {
	file := path.Join(in.Paths.Current(name), deployment.RecordFile)
	data, err := in.Tree.ReadFile(file)
	if err != nil {
		if _, err := in.currentNumber(name); err != nil {
			return deployment.Head{}, err
		}
		return deployment.Head{}, fmt.Errorf("reading the record of %s: %w", name, err)
	}
	head, err := deployment.DecodeHead(data)
	if err == nil {
		err = checkHead(head, name)
	}
	if err != nil {
		return deployment.Head{}, fmt.Errorf("%s: %w", file, err)
	}
	return head, nil
}

// currentNumber is the deployment that the host is converged to; ErrNotInstalled
// where there is none.
func (in *Installer) currentNumber(name string) (int, error) {
	target, err := in.Tree.Readlink(in.Paths.Current(name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("container %q is %w", name, ErrNotInstalled)
	}
	if err != nil {
		return 0, fmt.Errorf("reading what is current of %s: %w", name, err)
	}
	n, err := parseNumber(path.Base(target))
	if err != nil {
		return 0, fmt.Errorf("reading what is current of %s: the link leads to %q", name, target)
	}
	return n, nil
}

func (in *Installer) readRecord(name string, n int) (*deployment.Record, error) {
	file := in.Paths.Record(name, n)
	data, err := in.Tree.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the record of %s: %w", name, err)
	}
	record, err := deployment.DecodeRecord(data)
	if err == nil {
		err = checkHead(record.Head, name)
	}
	if err == nil && record.Deployment != n {
		err = fmt.Errorf("it is the record of deployment %d", record.Deployment)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return record, nil
}

// checkHead refuses the record of another container, and that of one whose unit systemd
// could not be asked for.
func checkHead(head deployment.Head, name string) error {
	switch {
	case head.Name != name:
		return fmt.Errorf("it is the record of %s", head.Name)
	case head.Unit != "" && head.Unit != deployment.UnitName(name):
		return fmt.Errorf("it calls the container's unit %q", head.Unit)
	}
	return unitgen.CheckName(name)
}

// readableRecords returns the records of all deployments of a container, from the oldest
// on. One that cannot be read is left out.
func (in *Installer) readableRecords(name string) ([]*deployment.Record, error) {
	numbers, err := in.deploymentNumbers(name)
	if err != nil {
		return nil, err
	}
	var records []*deployment.Record
	for _, n := range numbers {
		record, err := in.readRecord(name, n)
		if err != nil {
			in.Log.Debug("no record", "container", name, "deployment", n, "reason", err)
			continue
		}
		records = append(records, record)
	}
	return records, nil
}

// currentRecords returns the records of all containers. One that cannot be read is
// left out; list and show tell of it.
func (in *Installer) currentRecords() ([]*deployment.Record, error) {
	names, err := in.containerNames()
	if err != nil {
		return nil, err
	}
	var records []*deployment.Record
	for _, name := range names {
		record, err := in.currentRecord(name)
		if err != nil {
			in.Log.Debug("no record", "container", name, "reason", err)
			continue
		}
		records = append(records, record)
	}
	return records, nil
}

// owners maps each host path that a container put there to that container. Of a directory
// that several have it is not name, as long as another one needs it.
func (in *Installer) owners(name string) (map[string]string, error) {
	records, err := in.currentRecords()
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, record := range records {
		for _, f := range record.Files {
			if _, shared := owners[f.Path]; !shared || record.Name != name {
				owners[f.Path] = record.Name
			}
		}
	}
	return owners, nil
}

// checkHost refuses hosts on which no container could run.
func (in *Installer) checkHost() error {
	if in.Host.Unified {
		return nil
	}
	return hint.Add(errors.New("the host uses cgroup v1, and containers need cgroup v2"),
		"boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line")
}

// withJournal adds the last lines of a unit's journal to err, as a hint. They are so many because
// programs in Go write a stack behind the reason for which they end.
func (in *Installer) withJournal(ctx context.Context, unit string, err error) error {
	const lines = 20
	log := in.Services.Journal(context.WithoutCancel(ctx), unit, lines)
	if len(log) == 0 {
		return hint.Add(err, "look at: journalctl -u %s", unit)
	}
	return hint.Add(err, "the last lines of journalctl -u %s:\n%s", unit, strings.Join(log, "\n"))
}
