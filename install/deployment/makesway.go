package deployment

import "path"

// IsInTheWay reports whether a file of a record has the place of something of another
// kind in the files of the next one, by path: neither a directory nor what is none can
// be replaced by the other, so that it has to go first.
func (f HostFile) IsInTheWay(next map[string]HostFile) bool {
	if g, ok := next[f.Path]; ok && isOtherKind(f, g) {
		return true
	}
	for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
		if g, ok := next[dir]; ok && g.Kind != Directory {
			return true
		}
	}
	return false
}

func isOtherKind(f, g HostFile) bool { return (f.Kind == Directory) != (g.Kind == Directory) }

// MakesWay reports whether the host's entry in the place of f is one of another kind that
// goes with the deployment before, whose files are given by path: it is as that has made
// it, and so is all that is below.
func (f Facts) MakesWay(before map[string]HostFile, next HostFile) bool {
	return isOtherKind(before[next.Path], next) && f.isPlaced(before, next.Path)
}

func (f Facts) isPlaced(before map[string]HostFile, p string) bool {
	placed, ours := before[p]
	if _, changed := f.Changed[p]; !ours || changed {
		return false
	}
	if placed.Kind != Directory {
		return true
	}
	entries, err := f.Tree.ReadDir(p)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if !f.isPlaced(before, path.Join(p, entry.Name())) {
			return false
		}
	}
	return true
}
