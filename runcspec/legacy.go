package runcspec

import (
	"bytes"
	"encoding/json"
	"strings"
)

// modernize turns the forms of config.json from before version 1.0 of the
// specification into today's. It works on the generic JSON, for the old forms do
// not fit the types; what it does not know it leaves alone.
func modernize(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // an rlimit may be 2^64-1
	var doc map[string]any
	if err := decoder.Decode(&doc); err != nil || doc == nil {
		return nil, &Violation{Reason: "the text is not a JSON object"}
	}
	modernizeCapabilities(doc)
	modernizeSyscalls(doc)
	return json.Marshal(doc)
}

// modernizeCapabilities spreads a plain list over the sets that it stood for. The
// inheritable set stays empty, as in every runtime since CVE-2022-24769.
func modernizeCapabilities(doc map[string]any) {
	process, _ := doc["process"].(map[string]any)
	if list, ok := process["capabilities"].([]any); ok {
		process["capabilities"] = map[string]any{
			"bounding": list, "effective": list, "permitted": list,
		}
	}
}

// modernizeSyscalls gives seccomp rules their list of names, which was one name.
func modernizeSyscalls(doc map[string]any) {
	linux, _ := doc["linux"].(map[string]any)
	seccomp, _ := linux["seccomp"].(map[string]any)
	rules, _ := seccomp["syscalls"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		if name, ok := rule["name"].(string); ok && rule["names"] == nil {
			rule["names"] = []any{name}
		}
	}
}

// modernVersion drops -rc5 and -dev: runtimes have grown strict about versions,
// and what we pass on is what the final version says.
func modernVersion(version string) string {
	version, _, _ = strings.Cut(version, "-")
	if version == "" || strings.HasPrefix(version, "0.") {
		return "1.0.0"
	}
	return version
}
