package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const manifestFile = "manifest.json"

// Manifest holds an image's settings. Host paths in it are absolute and clean.
type Manifest struct {
	Version       string // not interpreted
	DefaultValues map[string]string

	// Values describe variables, by name. See [Manifest.Defaults].
	Values map[string]Setting

	// RenameFiles maps a host path to the template of its new path; see
	// [Manifest.Rename].
	RenameFiles map[string]string

	// InstalledFilesTemplate are the host paths, after renaming, of files that
	// are templates themselves.
	InstalledFilesTemplate []string

	NoContainerService bool
	UseLinks           bool

	// HealthCheck tells whether the container works; nil when the image has none.
	HealthCheck *HealthCheck

	// UnknownKeys are the keys that mean nothing to us, as healthCheck.x where they are
	// not at the top, sorted.
	UnknownKeys []string

	// DuplicateKeys are keys that an object of the manifest has more than once,
	// sorted; the last one counts.
	DuplicateKeys []string
}

// DefaultManifest returns the settings of an image without a manifest.json.
func DefaultManifest() Manifest { return Manifest{UseLinks: true} }

// ParseManifest reads a manifest.json. A default value that is no string is
// kept as its JSON text without white space, null as the empty string; a key
// that is null counts as absent. Text that is no JSON is a [*JSONError];
// everything else that is wrong is joined: a [*ManifestError] names the key, a
// [*SyntaxError] the place in the template of a renamed path. Keys that nobody
// knows and keys that are there twice are no errors, except below values.
func ParseManifest(data []byte) (Manifest, error) {
	if offset, reason := jsonFault(data); reason != "" {
		at := Position{File: manifestFile, Line: 1, Column: 1}
		return Manifest{}, &JSONError{Position: at.after(string(data[:offset])), Reason: reason}
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(data, &settings); err != nil || settings == nil {
		return Manifest{}, &ManifestError{Reason: "must be an object, is " + kind(data)}
	}
	m := DefaultManifest()
	m.DuplicateKeys = duplicateKeys(data)
	errs := []error{checkTwice(m.DuplicateKeys)}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		errs = append(errs, m.set(key, settings[key]))
	}
	slices.Sort(m.UnknownKeys)
	errs = append(errs, m.checkSecretDefaults())
	if err := errors.Join(errs...); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// set takes over the setting of one key.
func (m *Manifest) set(key string, raw json.RawMessage) error {
	switch key {
	case "version":
		m.Version = textOf(raw)
	case "defaultValues":
		return m.setDefaultValues(key, raw)
	case "values":
		return m.setValues(key, raw)
	case "renameFiles":
		return m.setRenameFiles(key, raw)
	case "installedFilesTemplate":
		return m.setInstalledFilesTemplate(key, raw)
	case "noContainerService":
		return decode(key, raw, "true or false", &m.NoContainerService)
	case "useLinks":
		return decode(key, raw, "true or false", &m.UseLinks)
	case healthCheckKey:
		return m.setHealthCheck(key, raw)
	default:
		m.UnknownKeys = append(m.UnknownKeys, key)
	}
	return nil
}

func (m *Manifest) setDefaultValues(key string, raw json.RawMessage) error {
	var values map[string]json.RawMessage
	if err := decode(key, raw, "an object", &values); err != nil {
		return err
	}
	m.DefaultValues = make(map[string]string, len(values))
	for name, value := range values {
		m.DefaultValues[name] = textOf(value)
	}
	return nil
}

// checkSecretDefaults refuses defaults of secrets, which everybody could read.
func (m *Manifest) checkSecretDefaults() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.DefaultValues)) {
		if m.IsSecret(name) {
			errs = append(errs, &ManifestError{
				Key:    fmt.Sprintf("defaultValues[%q]", name),
				Reason: "everybody can read the image, so that a secret cannot have a default",
			})
		}
	}
	return errors.Join(errs...)
}

func (m *Manifest) setRenameFiles(key string, raw json.RawMessage) error {
	var files map[string]json.RawMessage
	if err := decode(key, raw, "an object", &files); err != nil {
		return err
	}
	m.RenameFiles = make(map[string]string, len(files))
	var errs []error
	for _, from := range slices.Sorted(maps.Keys(files)) {
		errs = append(errs, m.setRename(renameKey(from), from, files[from]))
	}
	return errors.Join(errs...)
}

func (m *Manifest) setRename(key, from string, raw json.RawMessage) error {
	var to string
	if err := decode(key, raw, "a string", &to); err != nil {
		return err
	}
	clean, err := cleanPath(from)
	if err != nil {
		return &ManifestError{Key: key, Reason: err.Error()}
	}
	if _, twice := m.RenameFiles[clean]; twice {
		return &ManifestError{Key: key, Reason: "is there twice"}
	}
	m.RenameFiles[clean] = to
	return checkTarget(key, to)
}

func (m *Manifest) setInstalledFilesTemplate(key string, raw json.RawMessage) error {
	var files []json.RawMessage
	if err := decode(key, raw, "an array", &files); err != nil {
		return err
	}
	var errs []error
	for i, file := range files {
		key := fmt.Sprintf("%s[%d]", key, i)
		var name string
		if err := decode(key, file, "a string", &name); err != nil {
			errs = append(errs, err)
			continue
		}
		clean, err := cleanPath(name)
		if err != nil {
			errs = append(errs, &ManifestError{Key: key, Reason: err.Error()})
			continue
		}
		m.InstalledFilesTemplate = append(m.InstalledFilesTemplate, clean)
	}
	return errors.Join(errs...)
}

// decode reads valid JSON into a variable of the type that the key wants.
func decode[T any](key string, raw json.RawMessage, want string, into *T) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return &ManifestError{Key: key, Reason: "must be " + want + ", is " + kind(raw)}
	}
	return nil
}

// textOf returns a JSON value as the text that stands for it in a template.
func textOf(raw json.RawMessage) string {
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		if text == nil {
			return ""
		}
		return *text
	}
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // valid JSON: nothing can fail
	return b.String()
}

// kind names the type of a valid JSON text.
func kind(raw []byte) string {
	switch bytes.TrimLeft(raw, " \t\r\n")[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
