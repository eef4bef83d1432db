package layers

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"github.com/syscontainer/syscontainer/ostree"
)

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
	metaPrefix     = ".wh..wh." // aufs's own bookkeeping, but for the opaque marker
	xattrPrefix    = "SCHILY.xattr."

	// maxDepth is what libostree and its fsck walk; no real image comes near.
	maxDepth = 200
	// maxTarget is the kernel's limit for a symlink's text.
	maxTarget = 4095
)

// Objects is what a layer's content is written to; *ostree.Txn is one.
type Objects interface {
	WriteFile(m ostree.Meta, content []byte) (ostree.Checksum, error)
	WriteSymlink(m ostree.Meta, target string) (ostree.Checksum, error)
	WriteStream(m ostree.Meta, size int64, r io.Reader, buf []byte) (ostree.Checksum, error)
	WriteDirMeta(m ostree.Meta) (ostree.Checksum, error)
}

// layerReader turns a tar stream into objects and entries. Contents of moderate
// size go to the workers; the order of entries is that of the stream.
type layerReader struct {
	objects Objects
	jobs    *batch
	record  *recorder
	budget  budget
	entries []Entry
	sums    []*ostree.Checksum // of entries, where a worker will set it
	skipped int
}

// readLayer reads a whole layer, and whatever follows it in its stream. The error
// of any write ends it.
func readLayer(r io.Reader, to Objects, workers *Workers, limits Limits) (Layer, error) {
	l := &layerReader{objects: to, jobs: workers.batch(), budget: budget{limits: limits}}
	l.record = &recorder{r: r, objects: to, jobs: l.jobs}
	err := l.read(tar.NewReader(l.record))
	if err == nil {
		_, err = io.Copy(io.Discard, l.record)
	}
	if werr := l.jobs.wait(); err == nil {
		err = werr
	}
	if err != nil {
		return Layer{}, err
	}
	for i, sum := range l.sums {
		if sum != nil {
			l.entries[i].Sum = *sum
		}
	}
	record, err := l.record.finish()
	return Layer{Entries: l.entries, Skipped: l.skipped, record: record}, err
}

func (l *layerReader) read(tr *tar.Reader) error {
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badTar(err)
		}
		if err := l.jobs.failed(); err != nil {
			return err
		}
		if err := l.entry(hdr, tr); err != nil {
			return err
		}
	}
}

// badTar tells a broken tar stream from a failure of what lies below it.
func badTar(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return broken("a layer ends too early: %w", err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return broken("reading a layer: %w", err)
	}
	return err
}

func (l *layerReader) add(e Entry, sum *ostree.Checksum) {
	l.entries = append(l.entries, e)
	l.sums = append(l.sums, sum)
}

func (l *layerReader) entry(hdr *tar.Header, content io.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if err := l.budget.spend(hdr.Size, hdr.Name, hdr.Linkname); err != nil {
		return err
	}
	name, err := cleanPath(hdr.Name)
	if err != nil {
		return broken("layer entry %.300q: %w", hdr.Name, err)
	}
	if base := path.Base(name); strings.HasPrefix(base, whiteoutPrefix) {
		return l.whiteout(hdr, name, base)
	}
	switch hdr.Typeflag {
	case tar.TypeDir:
		return l.dir(hdr, name)
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return l.file(hdr, name, content)
	case tar.TypeSymlink:
		return l.symlink(hdr, name)
	case tar.TypeLink:
		return l.hardLink(hdr, name)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return l.skip(name)
	}
	return broken("layer entry %.300q: unknown type %q", hdr.Name, hdr.Typeflag)
}

// cleanPath makes a name relative and clean. It refuses what steps upwards and
// what a directory of the repo cannot hold.
func cleanPath(name string) (string, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return "", errors.New("the name holds a NUL")
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
			continue
		case "..":
			return "", errors.New(`the name holds ".."`)
		}
		if err := ostree.CheckName(part); err != nil {
			return "", err
		}
		if parts = append(parts, part); len(parts) > maxDepth {
			return "", errors.New("the name is nested too deeply")
		}
	}
	return strings.Join(parts, "/"), nil
}

// meta is what the repo keeps of a header.
func meta(hdr *tar.Header, kind uint32) (ostree.Meta, error) {
	if hdr.Uid < 0 || hdr.Uid >= math.MaxUint32 || hdr.Gid < 0 || hdr.Gid >= math.MaxUint32 {
		return ostree.Meta{}, broken("layer entry %.300q: impossible owner %d:%d", hdr.Name, hdr.Uid, hdr.Gid)
	}
	m := ostree.Meta{UID: uint32(hdr.Uid), GID: uint32(hdr.Gid), Mode: kind | uint32(hdr.Mode&0o7777)}
	for key, value := range hdr.PAXRecords {
		if name, ok := strings.CutPrefix(key, xattrPrefix); ok && keepXattr(name, kind) {
			m.Xattrs = append(m.Xattrs, ostree.Xattr{Name: name, Value: []byte(value)})
		}
	}
	if err := checkXattrs(m.Xattrs); err != nil {
		return ostree.Meta{}, broken("layer entry %.300q: %w", hdr.Name, err)
	}
	return m, nil
}

// keepXattr leaves out what belongs to the machine that built the image, and
// what the kernel refuses: on a symlink, or at all, such as the attributes of
// other systems (com.apple.provenance).
func keepXattr(name string, kind uint32) bool {
	switch {
	case name == "security.selinux", strings.HasPrefix(name, "trusted.overlay."):
		return false
	case strings.HasPrefix(name, "security."), strings.HasPrefix(name, "trusted."):
		return true
	case strings.HasPrefix(name, "user."), name == "system.posix_acl_access", name == "system.posix_acl_default":
		return kind != ostree.TypeLink
	}
	return false
}

// checkXattrs refuses what is beyond the kernel's limits for a file. A file
// system may have lower ones.
func checkXattrs(attrs []ostree.Xattr) error {
	list := 0
	for _, a := range attrs {
		list += len(a.Name) + 1
		switch {
		case len(a.Name) > 255:
			return fmt.Errorf("the name of the attribute %.40q… has %d bytes, 255 are possible", a.Name, len(a.Name))
		case len(a.Value) > 64<<10:
			return fmt.Errorf("the attribute %q has %d bytes, 65536 are possible", a.Name, len(a.Value))
		}
	}
	if list > 64<<10 {
		return fmt.Errorf("it has %d attributes; their names have more than 65536 bytes", len(attrs))
	}
	return nil
}

func (l *layerReader) dir(hdr *tar.Header, name string) error {
	m, err := meta(hdr, ostree.TypeDir)
	if err != nil {
		return err
	}
	sum, err := l.objects.WriteDirMeta(m)
	l.add(Entry{Path: name, Kind: kindDir, Sum: sum}, nil)
	return err
}

func (l *layerReader) file(hdr *tar.Header, name string, content io.Reader) error {
	m, err := meta(hdr, ostree.TypeFile)
	if err != nil {
		return err
	}
	if name == "" {
		return broken("layer entry %q: a file cannot be the root", hdr.Name)
	}
	sum := new(ostree.Checksum)
	l.add(Entry{Path: name, Kind: kindFile}, sum)
	l.record.file(hdr, sum)
	if hdr.Size > smallFile {
		return l.jobs.big(func(buf []byte) error {
			var err error
			*sum, err = l.objects.WriteStream(m, hdr.Size, content, buf)
			return err
		})
	}
	return l.jobs.small(int(hdr.Size), content, func(data []byte) error {
		var err error
		*sum, err = l.objects.WriteFile(m, data)
		return err
	})
}

func (l *layerReader) symlink(hdr *tar.Header, name string) error {
	m, err := meta(hdr, ostree.TypeLink)
	if err != nil {
		return err
	}
	target := hdr.Linkname
	if name == "" || target == "" || len(target) > maxTarget || strings.IndexByte(target, 0) >= 0 {
		return broken("layer entry %.300q: impossible symlink to %.300q", hdr.Name, target)
	}
	sum := new(ostree.Checksum)
	l.add(Entry{Path: name, Kind: kindFile, Link: true, Target: target}, sum)
	return l.jobs.small(0, nil, func([]byte) error {
		var err error
		*sum, err = l.objects.WriteSymlink(m, target)
		return err
	})
}

func (l *layerReader) hardLink(hdr *tar.Header, name string) error {
	target, err := cleanPath(hdr.Linkname)
	if err == nil && (name == "" || target == "" || strings.HasPrefix(path.Base(target), whiteoutPrefix)) {
		err = errors.New("impossible")
	}
	if err != nil {
		return broken("layer entry %.300q: hard link to %.300q: %w", hdr.Name, hdr.Linkname, err)
	}
	l.add(Entry{Path: name, Kind: kindHardLink, Target: target}, nil)
	return nil
}

// whiteout keeps the marker as it is, and what it means.
func (l *layerReader) whiteout(hdr *tar.Header, name, base string) error {
	dir := strings.TrimSuffix(strings.TrimSuffix(name, base), "/")
	e := Entry{Path: path.Join(dir, strings.TrimPrefix(base, whiteoutPrefix)), Kind: kindWhiteout}
	switch {
	case base == opaqueMarker:
		e = Entry{Path: dir, Kind: kindOpaque}
	case strings.HasPrefix(base, metaPrefix):
		return nil
	case base == whiteoutPrefix, base == whiteoutPrefix+".", base == whiteoutPrefix+"..":
		return broken("layer entry %.300q: a whiteout of nothing", hdr.Name)
	}
	return l.marker(e)
}

// skip leaves a device, fifo or socket out. What it would have replaced is gone.
func (l *layerReader) skip(name string) error {
	if name == "" {
		return nil
	}
	l.skipped++
	return l.marker(Entry{Path: name, Kind: kindSkipped})
}

func (l *layerReader) marker(e Entry) error {
	var err error
	e.Sum, err = l.objects.WriteFile(ostree.Meta{Mode: ostree.TypeFile | 0o644}, nil)
	l.add(e, nil)
	return err
}
