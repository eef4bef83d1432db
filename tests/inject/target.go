package inject

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// changesState tells calls that count from others of the table: files that are no files on disk, and questions.
func (n *notification) changesState() bool {
	c := n.call()
	at := strings.IndexByte(c.args, 'f')
	if at < 0 {
		return true
	}
	if n.nr == unix.SYS_WRITE && n.isSocket() {
		member := dbusCall(n.memory(n.args[1], int(min(n.args[2], maxHeader))))
		return member != "" && !readOnly[member]
	}
	return n.isOnDisk(n.args[at])
}

func (n *notification) call() call {
	for _, c := range calls {
		if c.nr == uint32(n.nr) {
			return c
		}
	}
	return call{name: fmt.Sprintf("system call %d", n.nr)}
}

// isOnDisk tells files and directories from pipes, sockets, memory and what only looks like a file.
func (n *notification) isOnDisk(fd uint64) bool {
	var stat unix.Stat_t
	if unix.Stat(n.link(fd), &stat) != nil {
		return false
	}
	kind := stat.Mode & unix.S_IFMT
	name := n.file(fd)
	return (kind == unix.S_IFREG || kind == unix.S_IFDIR) &&
		!strings.HasPrefix(name, "/memfd:") && !strings.HasPrefix(name, "/proc/")
}

func (n *notification) isSocket() bool { return strings.HasPrefix(n.file(n.args[0]), "socket:") }

func (n *notification) link(fd uint64) string { return fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(fd)) }

// workingDir is the number that stands for the working directory where a descriptor is expected.
const workingDir = uint64(1<<64 + unix.AT_FDCWD)

// file is what a descriptor of the process leads to.
func (n *notification) file(fd uint64) string {
	if int32(fd) == unix.AT_FDCWD {
		name, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", n.pid))
		return name
	}
	name, _ := os.Readlink(n.link(fd))
	return name
}

// memory reads the memory of the process; less of it, or nothing, where there is no more.
func (n *notification) memory(address uint64, size int) []byte {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil {
		return nil
	}
	defer f.Close()
	data := make([]byte, size)
	count, _ := f.ReadAt(data, int64(address))
	return data[:max(count, 0)]
}

// text is what a pointer to characters points to.
func (n *notification) text(address uint64) string {
	// A read across the end of what is mapped fails as a whole, so it ends with the page.
	const page = 4096
	size := page - int(address%page)
	text := n.memory(address, size)
	if bytes.IndexByte(text, 0) < 0 {
		text = n.memory(address, size+page)
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	return string(text)
}

// String is the call as people would write it, with whole paths.
func (n *notification) String() string {
	c := n.call()
	words := []string{c.name}
	dir := n.file(workingDir)
	for i, kind := range c.args {
		value := n.args[i]
		switch kind {
		case 'f':
			words = append(words, n.file(value))
		case 't':
			words = append(words, n.text(value))
		case 'd':
			dir = n.file(value)
		case 'p':
			name := n.text(value)
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, name)
			}
			words = append(words, name)
		}
	}
	if n.nr == unix.SYS_WRITE && n.isSocket() {
		words = append(words, dbusCall(n.memory(n.args[1], int(min(n.args[2], maxHeader)))))
	}
	return strings.Join(words, " ")
}

// maxHeader is more than the header of any call to systemd needs.
const maxHeader = 4096

// readOnly are the methods by which systemd, or the bus, is only asked or listened to. Every other one counts.
var readOnly = map[string]bool{
	"Hello": true, "AddMatch": true, "RemoveMatch": true, "Subscribe": true, "Get": true, "GetAll": true,
	"GetUnit": true, "LoadUnit": true, "ListUnits": true, "ListUnitsByNames": true, "ListUnitsByPatterns": true,
	"GetUnitFileState": true, "Ping": true,
}

// dbusCall returns the name of the method when data begins a method call, and "" otherwise.
func dbusCall(data []byte) string {
	const littleEndian, methodCall = 'l', 1
	if len(data) < 16 || data[0] != littleEndian || data[1] != methodCall {
		return ""
	}
	_, field, found := bytes.Cut(data, []byte("\x03\x01s\x00")) // the header's field 3, of type string
	if !found || len(field) < 4 {
		return "an unnamed method"
	}
	size := int(binary.LittleEndian.Uint32(field))
	return string(field[4:min(len(field), 4+size)])
}
