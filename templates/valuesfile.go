package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/BurntSushi/toml"
)

// ParseValues reads values from TOML: a flat table of strings, integers and
// booleans by the names of variables. All that is wrong is joined; no error shows
// a value.
func ParseValues(data []byte) (map[string]string, error) {
	var table map[string]any
	_, err := toml.Decode(string(data), &table)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		// The library's message may show the value.
		return nil, fmt.Errorf("line %d: not valid TOML (strings stand in quotes; a key is there once)", syntax.Position.Line)
	}
	if err != nil {
		return nil, errors.New("not valid TOML")
	}
	values := map[string]string{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if identifier(name) != name || name == "" {
			errs = append(errs, fmt.Errorf("%q: %w", name, ErrName))
			continue
		}
		switch value := table[name].(type) {
		case string:
			values[name] = value
		case int64:
			values[name] = strconv.FormatInt(value, 10)
		case bool:
			values[name] = strconv.FormatBool(value)
		default:
			errs = append(errs, fmt.Errorf("%s: neither a string nor an integer nor a boolean (true or false)", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return values, nil
}
