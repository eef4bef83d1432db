package deployment

import "slices"

// besideSuffix ends the name under which a new file stands beside one that the
// administrator changed.
const besideSuffix = ".syscontainer-new"

// beside returns the entry for the new content of a host file whose place the
// administrator's own has, if there is any news for him. What he has not yet looked
// at stays.
func (c *compiler) beside(f HostFile) (HostFile, bool) {
	sum, changed := c.Facts.Changed[f.Path]
	if f.Kind != File || !changed || sum == f.SHA256 {
		return HostFile{}, false
	}
	beside := f
	beside.Path, beside.Beside, beside.Linkable = f.Path+besideSuffix, f.Path, false
	if c.before[f.Path].SHA256 == f.SHA256 && !c.isStillBeside(beside.Path) {
		return HostFile{}, false
	}
	return beside, true
}

// isStillBeside reports whether the deployment before put a file beside another, and
// nobody took it away.
func (c *compiler) isStillBeside(p string) bool {
	_, ours := c.before[p]
	_, err := c.Facts.Tree.Lstat(p)
	return ours && err == nil
}

// withoutBeside are the files of a record in their own places. Those beside come
// and go as the administrator looks at them.
func (r *Record) withoutBeside() []HostFile {
	return slices.DeleteFunc(slices.Clone(r.Files), func(f HostFile) bool { return f.Beside != "" })
}
