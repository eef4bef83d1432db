package templates

import (
	"errors"
	"slices"
	"sort"
)

// rendering is a template with its values in place, before it has been checked.
type rendering struct {
	template *Template
	text     []byte
	starts   []int // where in text each part of the template begins
}

// check looks at the whole text, for what no value shows by itself.
func (r rendering) check(format Format) error {
	switch format {
	case JSON:
		return r.checkJSON()
	case Unit, Tmpfiles:
		return r.checkLines(format)
	case Text, EnvFile:
	}
	return nil
}

// partAt returns the index of the part that holds the byte at offset, -1 if
// there is none. An empty value is never that part.
func (r rendering) partAt(offset int) int {
	return sort.Search(len(r.starts), func(i int) bool { return r.starts[i] > offset }) - 1
}

// position returns where in the template the byte at offset comes from.
func (r rendering) position(offset int) Position {
	i := r.partAt(offset)
	if i < 0 {
		return r.template.start()
	}
	p := r.template.parts[i]
	if p.name != "" {
		return p.at
	}
	return p.at.after(p.literal[:offset-r.starts[i]])
}

// culprit returns the variable whose value holds the byte at offset or, if that
// byte is literal, the last variable that begins at or before limit.
func (r rendering) culprit(offset, limit int) part {
	parts := r.template.parts
	if p := parts[r.partAt(offset)]; p.name != "" {
		return p
	}
	i := r.partAt(limit)
	for parts[i].name == "" {
		i--
	}
	return parts[i]
}

// faults collects value errors, the first of each variable.
type faults struct {
	errs []error
	seen []string
}

func (f *faults) add(p part, reason string) {
	if slices.Contains(f.seen, p.name) {
		return
	}
	f.seen = append(f.seen, p.name)
	f.errs = append(f.errs, &ValueError{Position: p.at, Variable: p.name, Reason: reason})
}

func (f *faults) join() error { return errors.Join(f.errs...) }
