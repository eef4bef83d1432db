package unitgen

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// A Source is a path of the host that a container binds and that does not exist
// yet. What is to be made must come from the caller: the name does not show it.
type Source struct {
	Path string
	File bool // an empty file; else a directory

	// CopyOf is a directory of the host to copy, with owners and modes, as long as
	// Path does not exist or is an empty directory; "" begins with an empty one.
	CopyOf string
}

// TmpfilesForSources returns a tmpfiles.d file that makes the sources, owned by
// root and readable by all if they are no copies, sorted and without repetitions; nothing for no
// sources. Where a path comes as both, it is a directory. An error joins a
// *ValueError for each path that cannot be written there.
func TmpfilesForSources(sources []Source) ([]byte, error) {
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b Source) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.kind(), b.kind()))
	})
	sources = slices.CompactFunc(sources, func(a, b Source) bool { return a.Path == b.Path })

	var text strings.Builder
	var errs []error
	for _, s := range sources {
		quoted, err := quotePath("tmpfiles", s.Path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		argument, err := s.argument()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		text.WriteString(s.kind() + " " + quoted + " " + s.mode() + argument + "\n")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return []byte(text.String()), nil
}

func (s Source) kind() string {
	switch {
	case s.CopyOf != "":
		return "C"
	case s.File:
		return "f"
	}
	return "d"
}

// argument is what stands behind the mode. The last field of a line is the rest of
// it, in which only % has a meaning.
func (s Source) argument() (string, error) {
	if s.CopyOf == "" {
		return " root root -", nil
	}
	if reason := pathProblem(s.CopyOf); reason != "" {
		return "", &ValueError{Setting: "tmpfiles", Value: s.CopyOf, Reason: reason}
	}
	return " - - - " + strings.ReplaceAll(s.CopyOf, "%", "%%"), nil
}

func (s Source) mode() string {
	if s.CopyOf != "" {
		return "-"
	}
	if s.File {
		return "0644"
	}
	return "0755"
}
