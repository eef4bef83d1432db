package templates

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Rename returns the host path that a file of hostfs gets. The path is followed
// component by component: wherever what has been reached so far is a key of
// RenameFiles, its rendered value takes that place. So below a renamed
// directory, keys are written with its new path. The result is absolute and
// clean; a path that is not absolute or climbs with ".." is refused.
func (m Manifest) Rename(p string, values Values) (string, error) {
	clean, err := cleanPath(p)
	if err != nil {
		return "", fmt.Errorf("renaming %q: %w", p, err)
	}
	reached := "/"
	for component := range strings.SplitSeq(clean[1:], "/") {
		reached = path.Join(reached, component)
		target, ok := m.RenameFiles[reached]
		if !ok {
			continue
		}
		if reached, err = renderPath(renameKey(reached), target, values); err != nil {
			return "", fmt.Errorf("renaming %q: %w", p, err)
		}
	}
	return reached, nil
}

// Variables returns the names that the templates in the manifest use, sorted, once
// each.
func (m Manifest) Variables() []string {
	var names []string
	for _, t := range m.Templates() {
		names = append(names, t.Variables()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Templates returns the templates in the manifest: of renamed paths, sorted by the
// paths before, of the paths of templates, and of the health check's arguments.
func (m Manifest) Templates() []*Template {
	var list []*Template
	for _, from := range slices.Sorted(maps.Keys(m.RenameFiles)) {
		if t, err := Parse(manifestFile+" "+renameKey(from), []byte(m.RenameFiles[from])); err == nil {
			list = append(list, t)
		}
	}
	for i, file := range m.InstalledFilesTemplate {
		if t, err := Parse(fmt.Sprintf("%s installedFilesTemplate[%d]", manifestFile, i), []byte(file)); err == nil {
			list = append(list, t)
		}
	}
	if m.HealthCheck != nil {
		list = append(list, m.HealthCheck.templates()...)
	}
	return list
}

// checkTarget refuses the template of a path that cannot render to one,
// whatever the values are.
func checkTarget(key, target string) error {
	t, err := Parse(manifestFile+" "+key, []byte(target))
	if err != nil {
		return err
	}
	if len(t.parts) > 0 && t.parts[0].name != "" {
		target = "/" + target // the value may bring the slash
	}
	sample := Values{}
	for _, name := range t.Variables() {
		sample[name] = "x"
	}
	_, err = renderPath(key, target, sample)
	return err
}

// renderPath renders the template of a path, which must become one.
func renderPath(key, target string, values Values) (string, error) {
	t, err := Parse(manifestFile+" "+key, []byte(target))
	if err != nil {
		return "", err
	}
	text, err := t.Render(Text, values)
	if err != nil {
		return "", err
	}
	clean, err := cleanPath(string(text))
	if err != nil {
		return "", &ManifestError{Key: key, Reason: "its value " + err.Error()}
	}
	return clean, nil
}

// renameKey names an entry of renameFiles in messages.
func renameKey(from string) string { return fmt.Sprintf("renameFiles[%q]", from) }

// cleanPath returns an absolute path in its shortest form. The error completes
// a sentence that begins with what the path is.
func cleanPath(p string) (string, error) {
	switch {
	case !path.IsAbs(p):
		return "", errors.New("must be an absolute path")
	case slices.Contains(strings.Split(p, "/"), ".."):
		return "", errors.New(`must be a path without ".."`)
	case strings.Contains(p, "\x00"):
		return "", errors.New("must be a path without a NUL byte")
	}
	return path.Clean(p), nil
}
