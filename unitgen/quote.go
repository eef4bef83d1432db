package unitgen

import (
	"path"
	"strings"
	"unicode/utf8"
)

// quotePath writes a path as one word of a unit or of a tmpfiles.d line. Both
// expand % and know double quotes; in these, systemd of every version agrees only
// about \\ and \", so no other escape is used and control characters are refused.
func quotePath(setting, p string) (string, error) {
	if reason := pathProblem(p); reason != "" {
		return "", &ValueError{Setting: setting, Value: p, Reason: reason}
	}
	p = strings.ReplaceAll(p, "%", "%%")
	if !strings.ContainsAny(p, " \"'\\") {
		return p, nil
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p) + `"`, nil
}

func pathProblem(p string) string {
	switch {
	case !path.IsAbs(p):
		return "is not an absolute path"
	case path.Clean(p) != p:
		return "is not in its shortest form"
	case !utf8.ValidString(p):
		return "is not valid UTF-8"
	case strings.ContainsFunc(p, isControl), strings.Contains(p, "\t"):
		return "has a control character"
	}
	return ""
}
