package install

import (
	"slices"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// holding are those of some directories in which there is a file: nobody asks what
// becomes of the others.
func (in *Installer) holding(dirs []string) []string {
	return slices.DeleteFunc(dirs, func(dir string) bool { return !deployment.HoldsFiles(in.Tree, dir) })
}

// markData marks the data of a container as the container's, before the container goes, its
// installation is taken back or its data is elsewhere: so a later deployment of the same name
// knows it from what others have put there. What cannot be marked is theirs then. It can be repeated, and
// the records must be there.
func (in *Installer) markData(name string) error {
	records, err := in.readableRecords(name) // what the others made, nobody knows
	if err != nil {
		return err
	}
	others, err := in.recordsOfOthers(name)
	if err != nil {
		return err
	}
	for _, record := range records {
		for _, p := range in.ownData(record, others) {
			if err := in.Tree.SetXattr(p, deployment.DataMark, name); err != nil {
				in.Log.Warn("data that stays is not marked; after another installation, no purge will remove it", "container", name, "error", err)
			}
		}
	}
	return nil
}

// ownData are the uppermost entries that hold data of a deployment and nothing that was
// there before.
func (in *Installer) ownData(r *deployment.Record, others []*deployment.Record) []string {
	if r.Data == "" || in.checkShared(r.Data, others) != nil {
		return nil
	}
	var own []string
	for _, p := range append([]string{r.Data}, in.dataPaths(r)...) {
		info, err := in.Tree.Lstat(p)
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() || r.Keeps(p) {
			continue
		}
		if link, _ := in.linkOnTheWay(r.Data, p); link != "" {
			continue
		}
		own = append(own, p)
		if p == r.Data {
			break
		}
	}
	return own
}
