package templates

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Values are the values of variables by name. A value may be empty; that is
// not the same as having none.
type Values map[string]string

// IsForced says whether a variable's value comes from us alone, so that
// neither users nor images can choose it.
func IsForced(name string) bool {
	switch name {
	case "NAME", "IMAGE_NAME", "IMAGE_ID", "DESTDIR",
		"EXEC_START", "EXEC_STOP", "EXEC_STARTPRE", "EXEC_STOPPOST",
		"HOST_UID", "HOST_GID":
		return true
	}
	return false
}

// Merge returns the values that templates see: forced ones win over those that
// the user set, these over the image's defaults, and those over our own. A
// forced variable among those that the user set is a [*ForcedError]; an image
// that has a default for one is not at fault, it just has no effect. The
// arguments stay as they are.
func Merge(forced, set, imageDefaults, defaults map[string]string) (Values, error) {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if _, ok := forced[name]; ok || IsForced(name) {
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		return nil, &ForcedError{Variables: refused}
	}
	merged := Values{}
	maps.Copy(merged, defaults)
	maps.Copy(merged, imageDefaults)
	maps.DeleteFunc(merged, func(name, _ string) bool { return IsForced(name) })
	maps.Copy(merged, set)
	maps.Copy(merged, forced)
	return merged, nil
}

// ParseAssignment splits NAME=value at the first equals sign. The value may be
// empty. Errors are [ErrAssignment] and [ErrName]; they never show a value.
func ParseAssignment(s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return "", "", ErrAssignment // s may be a value, and a secret
	}
	if name == "" || identifier(name) != name {
		return "", "", fmt.Errorf("%q: %w", name, ErrName)
	}
	return name, value, nil
}

// Unused returns, sorted, the variables that the user set and that are not
// among the used ones, which may repeat: usually typing mistakes. See
// [Template.Variables] and [Manifest.Variables].
func Unused(set map[string]string, used []string) []string {
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(used, name) {
			unused = append(unused, name)
		}
	}
	return unused
}
