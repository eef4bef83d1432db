package order_test

import (
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syscontainer/syscontainer/unitgen/order"
)

// graphOf is the order of the units in a text of files: see dirsOf.
func graphOf(text string) *order.Graph {
	return order.Load(dirsOf(txtar.Parse([]byte(text)))).Graph()
}

// dirsOf sorts the files of an archive into directories. A file of one line "-> X" is a link.
func dirsOf(archive *txtar.Archive) []order.Dir {
	text := map[string][]byte{}
	for _, f := range archive.Files {
		text["/"+f.Name] = f.Data
	}
	var dirs []order.Dir
	for _, dir := range order.Dirs() {
		d := order.Dir{Path: dir}
		for _, f := range archive.Files {
			if name, inside := strings.CutPrefix("/"+f.Name, dir+"/"); inside {
				if entry := entryOf(dir, name, text); entry.Link == "" || entry.Link == "/dev/null" || entry.Text != nil {
					d.Entries = append(d.Entries, entry)
				}
			}
		}
		dirs = append(dirs, d)
	}
	return dirs
}

func entryOf(dir, name string, text map[string][]byte) order.Entry {
	file := path.Join(dir, name)
	entry := order.Entry{Name: name, Text: text[file]}
	for range 5 {
		target, isLink := strings.CutPrefix(string(entry.Text), "-> ")
		if !isLink {
			return entry
		}
		target = strings.TrimSpace(target)
		if entry.Link == "" {
			entry.Link = target
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(file), target)
		}
		file = target
		entry.Text = text[file]
	}
	entry.Text = nil
	return entry
}

// lines are the edges of a graph, each with its reasons below it.
func lines(g *order.Graph) string {
	var b strings.Builder
	for _, e := range g.Edges() {
		b.WriteString(e.First + " < " + e.Then)
		for _, reason := range e.Reasons {
			b.WriteString("\n\t" + reason.String())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
