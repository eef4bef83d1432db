package imagestore_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// stack is the layers of a generated image, each the entries of its tar stream.
type stack [][]item

// String is what a person needs to see a failure.
func (s stack) String() string {
	var b strings.Builder
	for i, layer := range s {
		fmt.Fprintf(&b, "layer %d\n", i+1)
		for _, e := range layer {
			fmt.Fprintf(&b, "  %c %.300q", e.Typeflag, e.Name)
			if e.Linkname != "" {
				fmt.Fprintf(&b, " -> %.100q", e.Linkname)
			}
			fmt.Fprintf(&b, " %04o %d:%d %d bytes %q\n", e.Mode, e.Uid, e.Gid, len(e.content), e.PAXRecords)
		}
	}
	return b.String()
}

// layers are the stack's layers as umoci can read them, too.
func (s stack) layers(t testing.TB) []testLayer {
	t.Helper()
	var list []testLayer
	for i, items := range s {
		plain := tarOf(t, items...)
		if len(items) == 0 && i%2 == 0 {
			plain = make([]byte, 1024) // nothing but the end of an archive
		}
		l := testLayer{imgspec.MediaTypeImageLayer, plain, digest.FromBytes(plain)}
		if i%2 == 0 {
			l.mediaType, l.blob = imgspec.MediaTypeImageLayerGzip, gzipped(t, plain)
		}
		list = append(list, l)
	}
	return list
}

// smaller are the stacks that lack one layer or one entry.
func (s stack) smaller(try func(stack) bool) bool {
	for i := range s {
		if len(s) > 1 && try(slices.Delete(slices.Clone(s), i, i+1)) {
			return true
		}
	}
	for i, layer := range s {
		for j := range layer {
			less := slices.Clone(s)
			less[i] = slices.Delete(slices.Clone(layer), j, j+1)
			if try(less) {
				return true
			}
		}
	}
	return false
}

// generator makes stacks. It keeps in mind, roughly, what there is, so that most
// of what it makes is possible, and much of it meets something that is there.
type generator struct {
	*rand.Rand
	dirs, files, links []string
}

func generate(seed uint64) stack {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 3)), dirs: []string{""}}
	s := make(stack, 1+g.IntN(5))
	for i := range s {
		for range g.IntN(14) {
			s[i] = append(s[i], g.entry())
		}
	}
	return s
}

// names are few, so that they meet; some are as odd as names may be. The last
// ones are no UTF-8, or look like what the store makes of such.
var names = []string{
	"a", "b", "c", "d", "lib", "a", "b", "c", "d", "lib", "a", "b", "c", "d", "lib",
	"x y", "ä\n\t", "-", "a.wh.b", "…", "#~\\", strings.Repeat("n", 251), strings.Repeat("n", 255),
	"caf\xe9", "\xff", "\xed\xa0\x80", strings.Repeat("\xfe", 251), strings.Repeat("ü", 127) + "\xc3",
	".syscontainer-name-", ".syscontainer-name-a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89", // of \xff
}

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// path is a new name or one that was used, in a directory that is there, or,
// rarely, anywhere.
func (g *generator) path() string {
	dir := pick(g, g.dirs)
	switch g.IntN(16) {
	case 0:
		dir = join(dir, pick(g, names)) // a parent without an entry
	case 1:
		if len(g.links) > 0 {
			dir = pick(g, g.links)
		}
	}
	return join(dir, pick(g, names))
}

// forget what a new entry at p replaces.
func (g *generator) forget(p string) {
	for _, list := range []*[]string{&g.dirs, &g.files, &g.links} {
		*list = slices.DeleteFunc(*list, func(old string) bool { return old == p || strings.HasPrefix(old, p+"/") })
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

func (g *generator) entry() item {
	e := item{}
	e.Uid, e.Gid = pick(g, []int{0, 0, 0, 1000, 65534, 2000000}), pick(g, []int{0, 0, 5, 1<<31 - 1})
	e.Mode = pick(g, []int64{0o644, 0o755, 0o700, 0, 0o4755, 0o2750, 0o1777, 0o6711, 0o7777})
	e.PAXRecords = g.xattrs()
	p := g.path()
	switch n := g.IntN(20); {
	case n < 6:
		p = g.dir(&e, p)
	case n < 11:
		e.Typeflag, e.content = tar.TypeReg, g.content()
		g.forget(p)
		g.files = append(g.files, p)
	case n < 14:
		g.symlink(&e, p)
	case n < 16 && len(g.files)+len(g.links) > 0:
		e.Typeflag, e.Linkname = tar.TypeLink, g.spell(pick(g, slices.Concat(g.files, g.links)))
		g.forget(p)
		g.files = append(g.files, p)
	case n < 18:
		g.whiteout(&e)
		return e
	case n == 18:
		g.whiteout(&e)
		dir := pick(g, g.dirs)
		e.Name = join(dir, ".wh..wh..opq")
		if dir != "" {
			g.forget(dir)
			g.dirs = append(g.dirs, dir)
		}
		return e
	default:
		e.Typeflag = pick(g, []byte{tar.TypeChar, tar.TypeBlock, tar.TypeFifo})
		e.PAXRecords = nil
		p = join(pick(g, g.dirs), pick(g, []string{"node", "fifo"})) // nothing else is called that
	}
	e.Name = g.spell(p)
	if e.Typeflag == tar.TypeDir && g.IntN(4) > 0 {
		e.Name += "/"
	}
	return e
}

func (g *generator) dir(e *item, p string) string {
	e.Typeflag = tar.TypeDir
	if g.IntN(12) == 0 {
		p = "" // the root itself
	}
	if e.Mode&0o2000 != 0 {
		// Nothing is put into it: umoci makes directories that no layer describes
		// with mkdir(2), which hands the bit and the group down; we make them
		// 0755 and root's wherever they are.
		return join(p, "setgid")
	}
	if p != "" && len(p) < 700 {
		g.files = slices.DeleteFunc(g.files, func(old string) bool { return old == p })
		g.links = slices.DeleteFunc(g.links, func(old string) bool { return old == p })
		g.dirs = append(g.dirs, p)
	}
	return p
}

func (g *generator) symlink(e *item, p string) {
	e.Typeflag, e.Mode = tar.TypeSymlink, 0o777
	delete(e.PAXRecords, "SCHILY.xattr.user.x") // no kernel allows it there
	target := pick(g, slices.Concat(g.dirs, g.files, names[:5], []string{"\xc3\x28"}))
	switch g.IntN(6) {
	case 0, 1:
		target = "/" + target
	case 2:
		target = "../" + target
	case 3:
		target = strings.Repeat("../", strings.Count(p, "/")+g.IntN(3)) + target
	case 4:
		target = "./" + target + "/."
	}
	if target == "" {
		target = "."
	}
	e.Linkname = target
	g.forget(p)
	g.links = append(g.links, p)
}

// whiteout removes what is there, mostly.
func (g *generator) whiteout(e *item) {
	e.Typeflag, e.Mode, e.PAXRecords = tar.TypeReg, 0o644, nil
	p := pick(g, slices.Concat(g.dirs[1:], g.files, g.links, []string{g.path()}))
	i := strings.LastIndexByte(p, '/') + 1
	if len(p)-i > 251 || p == "" {
		p, i = "a", 0
	}
	g.forget(p)
	e.Name = g.spell(p[:i] + ".wh." + p[i:])
}

// spell is one of the ways in which archives write a path.
func (g *generator) spell(p string) string {
	return pick(g, []string{"", "", "", "./", "/", ".//"}) + p
}

func (g *generator) content() string {
	switch g.IntN(12) {
	case 0:
		return strings.Repeat("large", 300_000) // streamed
	case 1:
		return ""
	}
	return strings.Repeat(pick(g, []string{"1", "two", "\x00\xff"}), g.IntN(100))
}

const capNetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func (g *generator) xattrs() map[string]string {
	records := make(map[string]string)
	if g.IntN(6) == 0 {
		records["SCHILY.xattr.user.x"] = string(bytes.Repeat([]byte{0, 'x', 0xff}, g.IntN(20)))
	}
	if g.IntN(8) == 0 {
		records["SCHILY.xattr.security.capability"] = capNetRaw
	}
	if g.IntN(8) == 0 {
		records["SCHILY.xattr.trusted.t"] = "t"
	}
	return records
}
