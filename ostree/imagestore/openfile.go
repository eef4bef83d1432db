package imagestore

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// Open implements fs.FS.
func (f *Files) Open(name string) (fs.File, error) {
	it, err := f.walk(name, keepLast)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if it.tree != nil {
		return f.openTree(name, it)
	}
	file, err := f.openItem(it)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if file.info.target == "" { // most files, for which this was the only look
		return file, nil
	}
	if it, err = f.walk(name, followLast); err != nil {
		return nil, pathError("open", name, err)
	}
	if it.tree != nil {
		return f.openTree(name, it)
	}
	file, err = f.openItem(it)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return file, nil
}

func (f *Files) openTree(name string, it item) (fs.File, error) {
	i, err := f.stat(it)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	list, err := f.list(it.tree)
	return &openDir{info: i, rest: list}, pathError("open", name, err)
}

// openItem opens what is not a directory. A symlink has no content.
func (f *Files) openItem(it item) (*openFile, error) {
	file, err := f.loadFile(it.sum)
	if err != nil {
		return nil, err
	}
	opened := &openFile{ReadCloser: io.NopCloser(bytes.NewReader(nil)), info: fileInfo(it, file)}
	if file.Content != nil {
		opened.ReadCloser = file.Content
	}
	return opened, nil
}

// openFile implements fs.File.
type openFile struct {
	io.ReadCloser
	info *info
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }

// openDir implements fs.ReadDirFile.
type openDir struct {
	info *info
	rest []fs.DirEntry
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.info, nil }

func (o *openDir) Close() error { return nil }

func (o *openDir) Read([]byte) (int, error) {
	return 0, pathError("read", o.info.name, errors.New("is a directory"))
}

func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(o.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(o.rest) {
		n = len(o.rest)
	}
	list := o.rest[:n:n]
	o.rest = o.rest[n:]
	return list, nil
}
