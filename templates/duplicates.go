package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// duplicateKeys returns the keys that an object of a valid JSON text has more than
// once, as a[0]["b"], sorted. A decoder would use the last one and not tell.
func duplicateKeys(data []byte) []string {
	var found []string
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	walkValue(decoder, "", func(path string) { found = append(found, path) })
	slices.Sort(found)
	return slices.Compact(found)
}

func walkValue(decoder *json.Decoder, path string, twice func(path string)) {
	token, err := decoder.Token()
	if err != nil {
		return // the text is valid: it is over
	}
	switch token {
	case json.Delim('['):
		for i := 0; decoder.More(); i++ {
			walkValue(decoder, fmt.Sprintf("%s[%d]", path, i), twice)
		}
	case json.Delim('{'):
		walkObject(decoder, path, twice)
	default:
		return
	}
	_, _ = decoder.Token() // the closing delimiter
}

func walkObject(decoder *json.Decoder, path string, twice func(path string)) {
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return
		}
		below := key
		if path != "" || identifier(key) != key {
			below = fmt.Sprintf("%s[%q]", path, key)
		}
		if seen[key] {
			twice(below)
		}
		seen[key] = true
		walkValue(decoder, below, twice)
	}
}

// checkTwice refuses duplicate keys in what is ours alone, values: no older image
// can depend on them.
func checkTwice(duplicates []string) error {
	for _, key := range duplicates {
		if strings.HasPrefix(key, "values[") {
			return &ManifestError{Key: key, Reason: "is there twice"}
		}
	}
	return nil
}
