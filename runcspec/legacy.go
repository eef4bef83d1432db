package runcspec

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// version is what every config.json of ours says: crun 1.8 refuses later ones, and
// none of the runtimes does anything else with it.
const version = "1.0.2"

// modernize turns what images from before version 1.0 of the specification have
// into today's forms, in place. It works on the generic JSON, for the old forms do
// not fit the types; what it does not know it leaves alone.
func modernize(doc map[string]any) {
	dropNulls(doc)
	for _, name := range otherPlatforms() {
		delete(doc, name)
	}
	modernizeVersion(doc)
	modernizeCapabilities(doc)
	modernizeLimits(doc)
	modernizeSeccomp(doc)
}

// dropNulls removes the members that are null: for Go's programs, which wrote them,
// that is the same, and for the schema it is not.
func dropNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			if member == nil {
				delete(value, key)
			}
			dropNulls(member)
		}
	case []any:
		for _, element := range value {
			dropNulls(element)
		}
	}
}

// modernizeVersion makes of every version that is 1 or came before it ours. The
// format has only grown since.
func modernizeVersion(doc map[string]any) {
	text, isText := doc["ociVersion"].(string)
	old := regexp.MustCompile(`^[01]\.[0-9]+(\.[0-9]+)?([-+].*)?$`)
	if doc["ociVersion"] == nil || isText && (text == "" || old.MatchString(text)) {
		doc["ociVersion"] = version
	}
}

// modernizeCapabilities spreads a plain list over the sets that it stood for. The
// inheritable set stays empty, as in every runtime since CVE-2022-24769.
func modernizeCapabilities(doc map[string]any) {
	process, _ := doc["process"].(map[string]any)
	list, ok := process["capabilities"].([]any)
	isName := func(v any) bool { _, is := v.(string); return is }
	if ok && !slices.ContainsFunc(list, func(v any) bool { return !isName(v) }) {
		process["capabilities"] = map[string]any{
			"bounding": list, "effective": list, "permitted": list,
		}
	}
}

// modernizeLimits writes NOFILE as RLIMIT_NOFILE, and no limit as the number that
// stands for it.
func modernizeLimits(doc map[string]any) {
	process, _ := doc["process"].(map[string]any)
	limits, _ := process["rlimits"].([]any)
	plain := regexp.MustCompile(`^[A-Za-z]+$`)
	for _, l := range limits {
		limit, _ := l.(map[string]any)
		if name, ok := limit["type"].(string); ok {
			name = strings.ToUpper(name)
			if plain.MatchString(name) {
				name = limitPrefix + name
			}
			limit["type"] = name
		}
		for _, bound := range []string{"soft", "hard"} {
			if limit[bound] == json.Number("-1") {
				limit[bound] = json.Number("18446744073709551615")
			}
		}
	}
}

// modernizeSeccomp gives seccomp rules their list of names, which was one name,
// and drops a filter that says nothing.
func modernizeSeccomp(doc map[string]any) {
	linux, _ := doc["linux"].(map[string]any)
	seccomp, ok := linux["seccomp"].(map[string]any)
	if !ok {
		return
	}
	if seccomp["defaultAction"] == nil && seccomp["syscalls"] == nil {
		delete(linux, "seccomp")
	}
	rules, _ := seccomp["syscalls"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		if name, ok := rule["name"].(string); ok && rule["names"] == nil {
			rule["names"] = []any{name}
		}
	}
}
