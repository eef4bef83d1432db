package ostree

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// FuzzNames reads lists of names. What is read gives the same list once more.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"", "=\xff\x00", "+a\x00@b\x00/\xfe\x00+\xfd\x00-\x00-\x00", "@\xff\x00\xff\x00=\xff\x00", "+\xff\x00", "-\x00", "=.syscontainer-name-\x00", "=a/\xff\x00", "+..\x00=\xff\x00-\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		read, err := parseNames(list)
		if err != nil {
			return
		}
		written := read.list()
		again, err := parseNames(written)
		if err != nil || !reflect.DeepEqual(again, read) {
			t.Errorf("%q became %q: %v", list, written, err)
		}
	})
}

// list writes what was read, by way of a tree.
func (n *names) list() []byte {
	if n == nil {
		return nil
	}
	tree := NewTree(Checksum{})
	below := make(map[string][]byte)
	for _, e := range n.entries {
		if e.below != nil {
			below[e.name] = e.below.list()
			continue
		}
		tree.Files[e.name] = Checksum{}
		tree.SetTarget(e.name, e.target)
	}
	list := tree.appendNames(nil)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		list = appendDirNames(list, name, below[name])
	}
	return list
}

// FuzzStandIn: no two names of a directory meet, and each stand-in fits.
func FuzzStandIn(f *testing.F) {
	f.Add("a", "\xff")
	f.Add(hashed("\xff"), "\xff")
	f.Add(hashed(hashed("\xff")), hashed("\xff"))
	f.Fuzz(func(t *testing.T, one, two string) {
		if one != two && standIn(one) == standIn(two) {
			t.Errorf("%q and %q are both %q", one, two, standIn(one))
		}
		if CheckName(one) == nil && CheckName(standIn(one)) != nil {
			t.Errorf("%q becomes %q", one, standIn(one))
		}
	})
}

// FuzzTreeObject reads directories as a repo might hold them.
func FuzzTreeObject(f *testing.F) {
	f.Add(treeObject{}.encode())
	f.Add(treeObject{files: []fileName{{name: "f"}}, dirs: []dirName{{name: "d"}, {name: "e"}}}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		object, err := parseTree(data)
		if err != nil {
			return
		}
		again, err := parseTree(object.encode())
		if err != nil || !reflect.DeepEqual(again, object) {
			t.Errorf("%+v became %+v, %v", object, again, err)
		}
	})
}

// FuzzDirMeta reads metadata of directories as a repo might hold it.
func FuzzDirMeta(f *testing.F) {
	f.Add(dirMeta(Meta{Mode: TypeDir}))
	f.Add(dirMeta(Meta{UID: 1, Xattrs: []Xattr{{Name: "user.a", Value: []byte("b")}, {Name: "user.c", Value: []byte("d")}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		meta, err := parseDirMeta(data)
		if err != nil {
			return
		}
		again, err := parseDirMeta(dirMeta(meta))
		if err != nil || len(again.Xattrs) > len(meta.Xattrs) || again.Mode != meta.Mode {
			t.Errorf("%+v became %+v, %v", meta, again, err)
		}
	})
}
